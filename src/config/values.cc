#include "config/values.h"

#include <filesystem>

#include "config/characters.h"
#include "config/endpoint.h"
#include "config/name.h"
#include "policy/address.h"
#include "policy/pattern.h"

namespace sallyport::config::values {

namespace {

std::filesystem::path folder_of(const TableReader& table) {
  return std::filesystem::path(table.problems().file()).parent_path();
}

/// As for a path, for a glob: what the folder's name holds is not part of the pattern.
std::string resolve_glob(const std::filesystem::path& folder, const std::string& pattern) {
  if (std::filesystem::path(pattern).is_absolute() || folder.empty()) return pattern;
  std::string result;
  for (const char c : folder.string()) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result + (result.ends_with('/') ? "" : "/") + pattern;
}

void complain(TableReader& table, std::string_view key, const std::string& what, std::string hint) {
  const Node* node = table.find(key);
  table.problems().add(node->at, table.named(key, *node) + what, std::move(hint));
}

}  // namespace

void read_seconds(TableReader& table, std::string_view key, std::uint16_t& into,
                  std::uint64_t least, std::uint64_t most) {
  const auto value = table.duration(key, std::chrono::seconds(least), std::chrono::seconds(most));
  if (!value) return;
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*value);
  if (whole == *value) {
    into = static_cast<std::uint16_t>(whole.count());
  } else {
    complain(table, key, " is not whole seconds",
             "MQTT counts keep-alive in seconds; write \"1 s\" or more");
  }
}

void read_letters(TableReader& table, std::string_view key, Characters& into) {
  const auto text = table.string(key);
  if (!text) return;
  if (const auto characters = parse_characters(text->value)) {
    into = *characters;
  } else {
    complain(table, key, " " + characters.error(), std::string(kCharactersHint));
  }
}

void read_refusal(TableReader& table, std::string_view key, bool& into) {
  static constexpr std::array<std::string_view, 2> kWords = {"refuse", "pass"};
  if (const auto word = table.choice(key, kWords)) into = *word == 0;
}

void read_name(TableReader& table, std::string_view key, std::string& into, bool names_table) {
  const auto text = table.string(key);
  if (!text) return;
  into = text->value;
  if (is_name(text->value)) {
    if (names_table) table.rename(table.where() + " \"" + text->value + "\"");
  } else {
    complain(table, key, " is not a name", std::string(kNameHint));
  }
}

void read_host_name(TableReader& table, std::string_view key, std::string& into) {
  const auto text = table.string(key);
  if (!text) return;
  into = text->value;
  if (!is_host_name(text->value) && !is_numeric(text->value)) {
    table.problems().add(text->at,
                         std::string(key) + " in " + table.where() + " is not a name or an address",
                         "write what the certificate says, for example \"broker.example\"");
  }
}

void read_globs(TableReader& table, std::string_view key, std::vector<std::string>& into,
                Origin& origin) {
  if (const Node* node = table.find(key)) origin = table.problems().origin(node->at);
  for (const Text& pattern : table.strings(key)) {
    into.push_back(resolve_glob(folder_of(table), pattern.value));
  }
}

/// "syslog", "journald", or with the path of their socket: "syslog:/dev/log".
bool is_log_service(std::string_view target) {
  for (const std::string_view service : {"syslog", "journald"}) {
    if (!target.starts_with(service)) continue;
    const std::string_view rest = target.substr(service.size());
    if (rest.empty() || rest.starts_with(":/")) return true;
  }
  return false;
}

void read_output(TableReader& table, std::string_view key, std::string& into, Origin& origin,
                 bool has_services) {
  static constexpr std::array<std::string_view, 14> kWords = {
      "-",    "stderr", "STDOUT", "STDERR", "console", "syslog", "journal",
      "none", "off",    "no",     "false",  "null",    "true",   "journald"};
  const auto path = table.string(key);
  if (!path) return;
  if (has_services && is_log_service(path->value)) {
    into = path->value;
    origin = table.problems().origin(path->at);
    return;
  }
  if (std::ranges::find(kWords, path->value) != kWords.end()) {
    complain(table, key, " is a word, and would be the name of a file",
             std::string("name a file or write \"stdout\"") +
                 (has_services ? ", \"syslog\" or \"journald\"" : "") +
                 "; for none delete the line; a file of this name is \"./" + path->value + "\"");
    return;
  }
  into = path->value == "stdout" ? path->value : resolve(table, path->value);
  origin = table.problems().origin(path->at);
}

void read_prefixes(TableReader& table, std::string_view key, std::vector<AddressPrefix>& into) {
  for (const Text& text : table.strings(key)) {
    if (auto network = policy::parse_network(text.value)) {
      into.push_back(*network);
    } else {
      table.problems().add(
          {text.at.line, text.at.column},
          std::string(key) + " in " + table.where() + ": " + network.error().message,
          network.error().hint);
    }
  }
}

void read_references(TableReader& table, std::string_view key, std::vector<std::string>& into) {
  std::size_t length = 0;  // with a space between two of them. 4.11 (5.0)
  for (const Text& text : table.strings(key)) {
    length += text.value.size() + 1;
    const bool plain = std::ranges::all_of(text.value, [](unsigned char c) {
      return c > ' ' && c < 0x7F && c != '/' && c != ',' && c != '#';
    });
    if (plain && !text.value.empty()) {
      std::string lower = text.value;
      for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      into.push_back(std::move(lower));
    } else {
      table.problems().add(
          {text.at.line, text.at.column},
          std::string(key) + " in " + table.where() + ": \"" + text.value + "\" names no server",
          "write it as the broker does: \"host\" or \"host:port\", no scheme");
    }
  }
  if (length > std::size_t{UINT16_MAX} + 1) {
    table.problems().add(table.key_at(key),
                         std::string(key) + " in " + table.where() + " is longer than 65535 bytes",
                         "name fewer servers: MQTT has no room for more");
  }
}

void read_fingerprints(TableReader& table, std::string_view key,
                       std::vector<tls::Fingerprint>& into) {
  for (const Text& text : table.strings(key)) {
    if (const auto fingerprint = tls::parse_fingerprint(text.value)) {
      into.push_back(*fingerprint);
    } else {
      table.problems().add({text.at.line, text.at.column},
                           std::string(key) + " in " + table.where() + ": \"" + text.value +
                               "\" is not the SHA-256 of a certificate",
                           "write 64 hexadecimal digits, with or without colons, as openssl x509 "
                           "-noout -fingerprint -sha256 prints them");
    }
  }
}

std::optional<Endpoint> read_address(TableReader& table, std::string_view key,
                                     std::string_view hint, bool numeric) {
  const auto text = table.string(key, hint);
  if (!text) return std::nullopt;
  const std::string all_addresses =
      numeric ? "; \"0.0.0.0\" and \"[::]\" stand for all addresses" : "";
  auto value = parse_endpoint(text->value);
  if (!value) {
    complain(table, key, " " + value.error(), std::string(hint) + all_addresses);
    return std::nullopt;
  }
  if (numeric && !is_numeric(value->host)) {
    complain(table, key, " is not an address of this machine", std::string(hint) + all_addresses);
    return std::nullopt;
  }
  value->origin = table.problems().origin(text->at);
  return std::move(*value);
}

std::string resolve(const TableReader& table, const std::string& path) {
  return (folder_of(table) / path).string();
}

std::string show(const Characters& characters) {
  if (characters == Characters()) return "\"any\"";
  std::string set;
  for (char c = ' '; c <= '~'; ++c) {
    if (characters.contains(c)) set += c;
  }
  return in_quotes(set);
}

std::string show(const std::optional<Endpoint>& endpoint) {
  return endpoint && !endpoint->host.empty() ? in_quotes(endpoint->to_string()) : "none";
}

std::string show(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + in_quotes(text);
  return "[" + all + "]";
}

std::string show(const std::vector<AddressPrefix>& prefixes) {
  if (prefixes.empty()) return "none";
  std::vector<std::string> texts;
  for (const AddressPrefix& prefix : prefixes) texts.push_back(to_string(prefix));
  return show(texts);
}

std::string show(const std::vector<tls::Fingerprint>& fingerprints) {
  if (fingerprints.empty()) return "none";
  std::vector<std::string> texts;
  for (const tls::Fingerprint& fingerprint : fingerprints) {
    texts.push_back(tls::to_hex(fingerprint));
  }
  return show(texts);
}

std::string in_quotes(std::string_view text) {
  return text.empty() ? "none" : "\"" + std::string(text) + "\"";
}

std::string list(std::span<const std::string_view> words) {
  std::string all;
  for (const std::string_view word : words) all += (all.empty() ? "" : ", ") + in_quotes(word);
  return all;
}

}  // namespace sallyport::config::values
