#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <glob.h>

#include "config/gateway_file.h"
#include "config/policy_file.h"
#include "config/suggest.h"
#include "policy/foreign_syntax.h"
#include "policy/glob.h"

namespace sallyport::config {

namespace {

/// Far more than anybody has; stops a pattern that catches a whole disk.
constexpr std::size_t kMaxFiles = 4096;

class Glob final {
 public:
  explicit Glob(const std::string& pattern)
      : status_(::glob(pattern.c_str(), GLOB_ERR | GLOB_NOSORT, nullptr, &found_)) {}
  ~Glob() { ::globfree(&found_); }
  Glob(const Glob&) = delete;
  Glob& operator=(const Glob&) = delete;

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::vector<std::string> sorted() const {
    std::vector<std::string> paths(found_.gl_pathv, found_.gl_pathv + found_.gl_pathc);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

 private:
  glob_t found_{};
  int status_;
};

std::vector<std::string> policy_files(const GatewayOptions& options, Diagnostics& diagnostics) {
  if (options.policy_files.empty()) {
    diagnostics.push_back({options.policy_origin, "no policy file is named",
                           "without a policy nobody could pass; write [policy] and below it "
                           "files = [\"policies/*.toml\"]"});
  }
  return find_files(options.policy_files, "policy file", options.policy_origin, diagnostics);
}

/// A role for a listener that does not exist never applies. Where it holds deny rules, that would
/// leave a door open because of a typing error.
void check_listeners(const policy::PolicySpec& spec, const GatewayOptions& options,
                     Diagnostics& diagnostics) {
  if (options.listeners.empty()) return;
  std::vector<std::string_view> names;
  for (const ListenerOptions& listener : options.listeners) names.push_back(listener.name);
  for (const policy::RoleSpec& role : spec.roles) {
    for (const policy::Text& pattern : role.match["listener"]) {
      const bool known = std::any_of(names.begin(), names.end(), [&](std::string_view name) {
        return policy::glob_matches(policy::without_literal_mark(pattern.value), name);
      });
      if (known) continue;
      diagnostics.push_back({{role.origin.file, pattern.at.line, pattern.at.column},
                             "[[role]] \"" + role.name.value + "\" matches listener \"" +
                                 pattern.value + "\", which " + options.file + " does not have",
                             suggest(pattern.value, names)});
    }
  }
}

}  // namespace

std::vector<std::string> find_files(const std::vector<std::string>& patterns, std::string_view what,
                                    const Origin& origin, Diagnostics& diagnostics) {
  std::vector<std::string> files;
  std::set<std::filesystem::path> seen;
  for (const std::string& pattern : patterns) {
    const Glob glob(pattern);
    if (glob.status() == GLOB_NOMATCH) {
      diagnostics.push_back({origin, "no " + std::string(what) + " matches \"" + pattern + "\"",
                             pattern.find("**") != std::string::npos
                                 ? "** is * here; name each folder: [\"a/*.toml\", \"b/*.toml\"]"
                                 : "relative paths start at the folder of the gateway file"});
      continue;
    }
    if (glob.status() != 0) {
      diagnostics.push_back({origin, "cannot look for \"" + pattern + "\"",
                             "check that every folder in it can be read"});
      continue;
    }
    for (const std::string& path : glob.sorted()) {
      std::error_code error;
      const auto canonical = std::filesystem::canonical(path, error);
      if (!seen.insert(error ? std::filesystem::path(path) : canonical).second) continue;
      files.push_back(path);
    }
  }
  if (files.size() > kMaxFiles) {
    diagnostics.push_back({origin, "the patterns match " + std::to_string(files.size()) + " files",
                           "accepted: at most " + std::to_string(kMaxFiles)});
    files.clear();
  }
  return files;
}

GatewayOptions load_gateway(const std::string& path, Diagnostics& diagnostics) {
  const auto source = read_source(path);
  if (!source) {
    diagnostics.push_back(source.error());
    return {};
  }
  const auto root = parse(*source);
  if (!root) {
    diagnostics.push_back(root.error());
    return {};
  }
  return read_gateway_file(*root, path, Problems(path, diagnostics));
}

std::expected<GatewayOptions, Diagnostics> load_gateway(const std::string& path) {
  Diagnostics diagnostics;
  GatewayOptions options = load_gateway(path, diagnostics);
  if (diagnostics.empty()) return options;
  sort(diagnostics);
  return std::unexpected(std::move(diagnostics));
}

std::vector<std::string> expand_glob(const std::string& pattern) {
  const Glob glob(pattern);
  return glob.status() == 0 ? glob.sorted() : std::vector<std::string>();
}

std::expected<policy::Policy::Ptr, Diagnostics> load_policy(const GatewayOptions& options) {
  Diagnostics diagnostics;
  policy::PolicySpec spec;
  for (const std::string& file : policy_files(options, diagnostics)) {
    const auto source = read_source(file);
    if (!source) {
      diagnostics.push_back(source.error());
      continue;
    }
    const auto root = parse(*source);
    if (!root) {
      diagnostics.push_back(root.error());
      continue;
    }
    read_policy_file(*root, Problems(file, diagnostics), spec);
  }
  if (diagnostics.empty() && spec.roles.empty()) {
    diagnostics.push_back({options.policy_origin, "the policy has no role, so nobody could pass",
                           "write a [[role]] with at least one [[role.allow]] into a policy file"});
  }
  check_listeners(spec, options, diagnostics);

  // Also where something could not be read: all errors come at once.
  auto policy = policy::Policy::compile(spec);
  if (policy && diagnostics.empty()) return std::move(*policy);
  if (!policy) {
    for (policy::PolicyError& error : policy.error()) {
      diagnostics.push_back(
          {std::move(error.origin), std::move(error.message), std::move(error.hint)});
    }
  }
  sort(diagnostics);
  return std::unexpected(std::move(diagnostics));
}

}  // namespace sallyport::config
