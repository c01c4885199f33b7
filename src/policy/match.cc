#include "policy/match.h"

#include <algorithm>

#include "sallyport/utf8.h"

#include "policy/glob.h"
#include "policy/wording.h"

namespace sallyport::policy {

namespace {

void check_globs(std::string_view key, const std::vector<std::string>& globs,
                 std::vector<Problem>& problems) {
  for (const std::string& glob : globs) {
    const std::string what = "match." + std::string(key) + " = " + quoted(glob);
    if (glob.empty()) {
      problems.push_back({what + " is empty",
                          "\"*\" matches every value; leave the key out to ask "
                          "nothing"});
    } else if (glob.size() > kMaxGlob) {
      problems.push_back({what + " is too long", "at most " + std::to_string(kMaxGlob) + " bytes"});
    } else if (mqtt::check_utf8(glob, false)) {
      problems.push_back({what + " is not well-formed UTF-8, or holds U+0000", ""});
    }
  }
}

/// An empty list asks nothing.
bool any_matches(const std::vector<std::string>& globs, std::string_view value) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [value](const auto& glob) {
           return glob_matches(glob, value);
         });
}

bool any_matches(const std::vector<std::string>& globs, const std::vector<std::string>& values) {
  return globs.empty() || std::any_of(values.begin(), values.end(), [&globs](const auto& value) {
           return any_matches(globs, value);
         });
}

bool holds_for(const MatchSpec& globs, const Certificate* certificate) {
  if (certificate == nullptr) {
    return globs.cert_cn.empty() && globs.cert_san_dns.empty() && globs.cert_san_uri.empty();
  }
  if (!globs.cert_cn.empty() && certificate->common_name.empty()) return false;
  return any_matches(globs.cert_cn, certificate->common_name) &&
         any_matches(globs.cert_san_dns, certificate->san_dns) &&
         any_matches(globs.cert_san_uri, certificate->san_uri);
}

bool all_literal(const std::vector<std::string>& globs) {
  return !globs.empty() && std::all_of(globs.begin(), globs.end(), is_literal_glob);
}

template <typename Map>
void collect(const Map& map, std::string_view name, std::vector<std::uint32_t>& out) {
  if (map.empty()) return;
  if (const auto found = map.find(name); found != map.end()) {
    out.insert(out.end(), found->second.begin(), found->second.end());
  }
}

}  // namespace

Matcher::Matcher(const MatchSpec& spec, std::vector<Problem>& problems) : globs_(spec) {
  check_globs("listener", spec.listener, problems);
  check_globs("cert_cn", spec.cert_cn, problems);
  check_globs("cert_san_dns", spec.cert_san_dns, problems);
  check_globs("cert_san_uri", spec.cert_san_uri, problems);
  check_globs("username", spec.username, problems);
  check_globs("client_id", spec.client_id, problems);
  for (const std::string& text : spec.address) {
    if (auto cidr = parse_cidr(text)) {
      networks_.push_back(*cidr);
    } else {
      problems.push_back(std::move(cidr.error()));
    }
  }
}

bool Matcher::holds(const Candidate& candidate) const {
  const Identity& identity = candidate.identity;
  if (!any_matches(globs_.listener, identity.listener)) return false;
  if (!any_matches(globs_.client_id, identity.client_id)) return false;
  if (!globs_.username.empty() &&
      !(identity.username && any_matches(globs_.username, *identity.username))) {
    return false;
  }
  if (!holds_for(globs_, identity.certificate.get())) return false;
  // By the spec's list, not by networks_: a list that could not be read must not ask nothing.
  if (globs_.address.empty()) return true;
  return candidate.address &&
         std::any_of(networks_.begin(), networks_.end(),
                     [&candidate](const Cidr& cidr) { return cidr.contains(*candidate.address); });
}

void MatchIndex::add(const MatchSpec& spec, std::uint32_t id) {
  // The key that tells most identities apart comes first.
  const std::pair<const std::vector<std::string>*, ByName*> keys[] = {
      {&spec.cert_cn, &cert_cn_},           {&spec.client_id, &client_id_},
      {&spec.username, &username_},         {&spec.cert_san_uri, &cert_san_uri_},
      {&spec.cert_san_dns, &cert_san_dns_}, {&spec.listener, &listener_}};
  for (const auto& [globs, map] : keys) {
    if (!all_literal(*globs)) continue;
    for (const std::string& name : *globs) (*map)[name].push_back(id);
    return;
  }
  others_.push_back(id);
}

std::vector<std::uint32_t> MatchIndex::candidates(const Identity& identity) const {
  std::vector<std::uint32_t> out = others_;
  collect(listener_, identity.listener, out);
  collect(client_id_, identity.client_id, out);
  if (identity.username) collect(username_, *identity.username, out);
  if (const Certificate* certificate = identity.certificate.get()) {
    collect(cert_cn_, certificate->common_name, out);
    for (const std::string& name : certificate->san_dns) collect(cert_san_dns_, name, out);
    for (const std::string& name : certificate->san_uri) collect(cert_san_uri_, name, out);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace sallyport::policy
