#include "config/habits.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace sallyport::config {

namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::string_view kKeyLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool holds_any(std::string_view text, std::span<const std::string_view> signs) {
  return std::any_of(signs.begin(), signs.end(),
                     [text](std::string_view sign) { return text.find(sign) != text.npos; });
}

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr auto kTypographic =
    std::to_array<std::string_view>({"\xE2\x80\x9C", "\xE2\x80\x9D", "\xE2\x80\x9E", "\xE2\x80\x98",
                                     "\xE2\x80\x99", "\xC2\xAB", "\xC2\xBB"});
constexpr auto kBooleans = std::to_array<std::string_view>(
    {"yes", "no", "on", "off", "Yes", "No", "On", "Off", "True", "False", "TRUE", "FALSE"});
constexpr auto kNothing =
    std::to_array<std::string_view>({"null", "nil", "none", "None", "NULL", "~"});

/// "key: value" or "key:", but not a quoted key and not an address.
bool is_yaml(std::string_view line) {
  const std::size_t end = line.find_first_not_of(kKeyLetters);
  if (end == 0 || end == line.npos || line[end] != ':') return false;
  return end + 1 == line.size() || line[end + 1] == ' ';
}

/// info, plant-1; but not true, inf and the like.
bool is_bare_word(std::string_view word) {
  static constexpr auto kValues = std::to_array<std::string_view>({"true", "false", "inf", "nan"});
  return !word.empty() && std::isalpha(static_cast<unsigned char>(word[0])) != 0 &&
         word.find_first_not_of(kKeyLetters) == word.npos && !is_one_of(word, kValues);
}

/// 10 s, 64KiB, 20/s, 127.0.0.1:1883; but no number, no date.
bool is_bare_unit(std::string_view value) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (value.size() < 2 || !is_digit(value[0]) || value.find('-') == 4) return false;
  if (value[0] == '0' && std::string_view("xob").find(value[1]) != std::string_view::npos) {
    return false;
  }
  const std::size_t end = value.find_first_not_of("0123456789_.");
  if (end == value.npos) return false;
  const std::string_view behind = value.substr(end);
  return behind.find_first_of("/:") != behind.npos || behind.starts_with(' ') ||
         std::string_view("BKMGkmshd").find(behind[0]) != std::string_view::npos;
}

struct OtherName {
  std::string_view theirs;
  std::string_view ours;
};

/// Where two of ours stand for one of theirs, the first that the table has is meant.
constexpr auto kOtherNames = std::to_array<OtherName>({
    {"bind", "address"},
    {"bind_address", "address"},
    {"endpoint", "address"},
    {"host", "address"},
    {"hostname", "address"},
    {"listen", "address"},
    {"port", "address"},
    {"uri", "address"},
    {"url", "address"},
    {"ca_file", "client_ca"},
    {"ca_file", "ca"},
    {"cafile", "client_ca"},
    {"cafile", "ca"},
    {"cacertfile", "client_ca"},
    {"cacertfile", "ca"},
    {"ca", "client_ca"},
    {"client_ca", "ca"},
    {"cert", "certificate"},
    {"cert_file", "certificate"},
    {"certfile", "certificate"},
    {"crt", "certificate"},
    {"keyfile", "key"},
    {"key_file", "key"},
    {"private_key", "key"},
    {"require_certificate", "client_certificate"},
    {"require_client_cert", "client_certificate"},
    {"verify", "client_certificate"},
    {"client_auth", "client_certificate"},
    {"tls_version", "min_version"},
    {"sni", "server_name"},
    {"ssl", "tls"},
    {"max_clients", "max_connections"},
    {"keepalive", "max_keep_alive"},
    {"keep_alive", "max_keep_alive"},
    {"max_inflight_messages", "max_qos2_in_flight"},
    {"maximum_packet_size", "max_packet"},
    {"max_packet_size", "max_packet"},
    {"message_size_limit", "max_packet"},
    {"acl_file", "files"},
    {"include", "files"},
    {"include_dir", "files"},
    {"path", "files"},
    {"threads", "count"},
    {"log_level", "level"},
    {"verbosity", "level"},
    {"audit", "audit_log"},
    {"permit", "allow"},
    {"grant", "allow"},
    {"rule", "allow"},
    {"acl", "allow"},
    {"forbid", "deny"},
    {"block", "deny"},
    {"reject", "deny"},
    {"name", "id"},
    {"pub", "publish"},
    {"write", "publish"},
    {"topic", "publish"},
    {"topics", "publish"},
    {"filter", "publish"},
    {"filters", "publish"},
    {"pattern", "publish"},
    {"sub", "subscribe"},
    {"read", "subscribe"},
    {"max_size", "max_payload"},
    {"max_size", "max_packet"},
    {"max_bytes", "max_payload"},
    {"rate", "limit"},
    {"rate", "limits"},
    {"rate_limit", "limit"},
    {"rate_limit", "limits"},
    {"action", "on_deny"},
    {"common_name", "cert_cn"},
    {"subject", "cert_cn"},
    {"user", "username"},
    {"ip", "address"},
    {"cidr", "address"},
    {"source", "address"},
    {"network", "address"},
    {"san", "cert_san_dns"},
    {"dns", "cert_san_dns"},
    {"uri", "cert_san_uri"},
    {"serial", "cert_serial"},
    {"fingerprint", "cert_fingerprint"},
    {"policies", "policy"},
    {"rules", "policy"},
    {"authorization", "policy"},
    {"acl", "policy"},
    {"metrics", "observe"},
    {"prometheus", "observe"},
    {"monitoring", "observe"},
    {"health", "observe"},
    {"http", "observe"},
    {"audit", "observe"},
    {"audit_log", "observe"},
    {"logging", "log"},
    {"logger", "log"},
    {"server", "broker"},
    {"backend", "broker"},
    {"upstream", "broker"},
    {"mqtt", "broker"},
    {"frontend", "listener"},
    {"bind", "listener"},
});

}  // namespace

std::string_view habit_of(std::string_view line) {
  line = trimmed(line);
  const std::size_t equals = line.find('=');
  const std::string_view value = equals == line.npos ? "" : trimmed(line.substr(equals + 1));
  const std::string_view word = value.substr(0, value.find_first_of(" \t,]}#"));
  if (holds_any(line, kTypographic)) return "these are typographic quotes; write \"";
  if (line.starts_with(';') || line.starts_with("//")) return "a comment begins with #";
  if (line.starts_with('{')) return "this is JSON; TOML says [broker], and below it key = value";
  if (line.starts_with("---")) return "this is YAML; a TOML file has no document marks";
  if (line.starts_with("- ")) return "a list is written [\"a\", \"b\"] behind its key";
  if (line.starts_with("<<") || line.starts_with("export ")) return "write: key = value";
  if (value.starts_with('=')) return "one '=' stands between key and value";
  if (value.starts_with('{') && value.find('}') == value.npos) {
    return "{ } stand on one line; or write a [header] with one key a line below it";
  }
  if (is_yaml(line)) {
    return line.ends_with(':') ? "a table begins with its name in brackets: [broker]"
                               : "TOML says: key = value";
  }
  if (is_one_of(word, kBooleans)) return "write true or false, in small letters and without quotes";
  if (is_one_of(word, kNothing)) return "a key without a value is left out; delete the line";
  if (is_bare_word(word)) return "put text in \"quotes\"";
  if (is_bare_unit(value)) {
    return "a number with a unit, a rate and an address stand in quotes: \"10 s\", \"20/s\", "
           "\"127.0.0.1:1883\"";
  }
  return "";
}

std::string_view other_name(std::string_view word, std::span<const std::string_view> names) {
  for (const OtherName& other : kOtherNames) {
    if (other.theirs == word && is_one_of(other.ours, names)) return other.ours;
  }
  return "";
}

}  // namespace sallyport::config
