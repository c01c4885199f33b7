#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sallyport/address.h"
#include "sallyport/characters.h"

#include "config/options.h"
#include "config/reader.h"
#include "config/units.h"

/// The kinds of values in files. Each knows which field of a T it fills and what is accepted, and
/// has three functions: read() fills the field if the key is there and its value is good, show()
/// returns the field as a file would say it, accepted() returns the range as messages and the
/// reference say it.
namespace sallyport::config {

struct KeyInfo;

// What does not depend on T; see the kinds below.
namespace values {
void read_seconds(TableReader& table, std::string_view key, std::uint16_t& into,
                  std::uint64_t least, std::uint64_t most);
void read_letters(TableReader& table, std::string_view key, Characters& into);
void read_refusal(TableReader& table, std::string_view key, bool& into);
/// `names_table`: messages call the table by it from then on.
void read_name(TableReader& table, std::string_view key, std::string& into, bool names_table);
void read_host_name(TableReader& table, std::string_view key, std::string& into);
/// A path, or "stdout"; not a word that stands for something else in other programs.
/// `has_services`: also "syslog" and "journald", or those with a path: "syslog:/path".
void read_output(TableReader& table, std::string_view key, std::string& into, Origin& origin,
                 bool has_services);
void read_globs(TableReader& table, std::string_view key, std::vector<std::string>& into,
                Origin& origin);
void read_prefixes(TableReader& table, std::string_view key, std::vector<AddressPrefix>& into);
void read_references(TableReader& table, std::string_view key, std::vector<std::string>& into);
void read_fingerprints(TableReader& table, std::string_view key,
                       std::vector<tls::Fingerprint>& into);
[[nodiscard]] std::optional<Endpoint> read_address(TableReader& table, std::string_view key,
                                                   std::string_view hint, bool numeric);
/// What is relative starts at the folder of the file that the table stands in.
[[nodiscard]] std::string resolve(const TableReader& table, const std::string& path);
[[nodiscard]] std::string show(const Characters& characters);
[[nodiscard]] std::string show(const std::optional<Endpoint>& endpoint);
[[nodiscard]] std::string show(const std::vector<std::string>& texts);
[[nodiscard]] std::string show(const std::vector<AddressPrefix>& prefixes);
[[nodiscard]] std::string show(const std::vector<tls::Fingerprint>& fingerprints);
[[nodiscard]] std::string in_quotes(std::string_view text);  // empty: "none"
[[nodiscard]] std::string list(std::span<const std::string_view> words);
}  // namespace values

template <typename T>
using NumberField = std::variant<std::uint8_t T::*, std::uint16_t T::*, std::uint32_t T::*>;

template <typename T>
[[nodiscard]] std::uint64_t number_of(const T& from, const NumberField<T>& field) {
  return std::visit([&from](auto member) { return std::uint64_t{from.*member}; }, field);
}

template <typename T>
struct Count {
  NumberField<T> field;
  std::uint64_t least = 0;
  std::uint64_t most = UINT16_MAX;

  void read(TableReader& table, std::string_view key, T& into) const {
    std::visit([&](auto member) { table.integer_into(key, into.*member, least, most); }, field);
  }
  [[nodiscard]] std::string show(const T& from) const {
    return std::to_string(number_of(from, field));
  }
  [[nodiscard]] std::string accepted() const {
    return std::to_string(least) + " to " + std::to_string(most);
  }
};

/// In bytes.
template <typename T>
struct Size {
  NumberField<T> field;
  std::uint64_t least = 0;
  std::uint64_t most = UINT16_MAX;

  void read(TableReader& table, std::string_view key, T& into) const {
    std::visit([&](auto member) { table.size_into(key, into.*member, least, most); }, field);
  }
  [[nodiscard]] std::string show(const T& from) const {
    return values::in_quotes(format_size(number_of(from, field)));
  }
  [[nodiscard]] std::string accepted() const {
    return format_size(least) + " to " + format_size(most);
  }
};

/// Whole seconds in two bytes, as the wire counts keep-alive. 3.1.2.10
template <typename T>
struct Seconds {
  std::uint16_t T::*field;
  std::uint64_t least = 0;
  std::uint64_t most = UINT16_MAX;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_seconds(table, key, into.*field, least, most);
  }
  [[nodiscard]] std::string show(const T& from) const {
    return values::in_quotes(format_duration(std::chrono::seconds(from.*field)));
  }
  [[nodiscard]] std::string accepted() const {
    // A range of seconds reads better in seconds than in hours and a rest.
    return std::to_string(least) + " s to " + std::to_string(most) + " s";
  }
};

template <typename T>
struct Time {
  Duration T::*field;
  Duration least;
  Duration most;

  void read(TableReader& table, std::string_view key, T& into) const {
    if (const auto value = table.duration(key, least, most)) into.*field = *value;
  }
  [[nodiscard]] std::string show(const T& from) const {
    return values::in_quotes(format_duration(from.*field));
  }
  [[nodiscard]] std::string accepted() const {
    return format_duration(least) + " to " + format_duration(most);
  }
};

template <typename T>
struct Letters {
  Characters T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_letters(table, key, into.*field);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::show(from.*field); }
  [[nodiscard]] static std::string accepted() { return "\"any\", a set"; }
};

/// "refuse" or "pass"; the field is true where the first is written.
template <typename T>
struct Refusal {
  bool T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_refusal(table, key, into.*field);
  }
  [[nodiscard]] std::string show(const T& from) const {
    return values::in_quotes(from.*field ? "refuse" : "pass");
  }
  [[nodiscard]] static std::string accepted() { return "\"refuse\", \"pass\""; }
};

template <typename T>
struct Flag {
  bool T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    if (const auto value = table.boolean(key)) into.*field = *value;
  }
  [[nodiscard]] std::string show(const T& from) const { return from.*field ? "true" : "false"; }
  [[nodiscard]] static std::string accepted() { return "true, false"; }
};

/// The words that stand for the values of a Choice.
template <typename Value, std::size_t kSize>
struct Words {
  std::array<std::string_view, kSize> words;
  std::array<Value, kSize> values;
};

/// One of several words. Made by choice().
template <typename T>
struct Choice {
  std::span<const std::string_view> words;
  void (*set)(T& into, std::size_t word);
  std::size_t (*get)(const T& from);

  void read(TableReader& table, std::string_view key, T& into) const {
    if (const auto word = table.choice(key, words)) set(into, *word);
  }
  [[nodiscard]] std::string show(const T& from) const {
    return values::in_quotes(words[get(from)]);
  }
  [[nodiscard]] std::string accepted() const { return values::list(words); }
};

/// `kWords` is a Words for the type of the field.
template <typename T, auto kField, const auto& kWords>
[[nodiscard]] consteval Choice<T> choice() {
  return {kWords.words, [](T& into, std::size_t word) { into.*kField = kWords.values[word]; },
          [](const T& from) {
            const auto found = std::find(kWords.values.begin(), kWords.values.end(), from.*kField);
            return static_cast<std::size_t>(found - kWords.values.begin());
          }};
}

/// Messages in a time.
template <typename T>
struct MessageRate {
  std::optional<Rate> T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    if (const auto value = table.message_rate(key)) into.*field = *value;
  }
  [[nodiscard]] std::string show(const T& from) const {
    return from.*field ? values::in_quotes(format_rate(*(from.*field))) : "none";
  }
  [[nodiscard]] static std::string accepted() {
    return "1 to " + std::to_string(kMostMessages) + " per s, min or h";
  }
};

/// What audit lines and labels call the thing that the table describes.
template <typename T>
struct Name {
  std::string T::*field;
  bool names_table = true;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_name(table, key, into.*field, names_table);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::in_quotes(from.*field); }
  [[nodiscard]] static std::string accepted() { return "a name"; }
};

/// The name or address that a certificate must carry.
template <typename T>
struct HostName {
  std::string T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_host_name(table, key, into.*field);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::in_quotes(from.*field); }
  [[nodiscard]] static std::string accepted() { return ""; }
};

/// A file that is read. What is relative starts at the folder of the file that names it.
template <typename T>
struct Path {
  std::string T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    if (const auto path = table.string(key)) into.*field = values::resolve(table, path->value);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::in_quotes(from.*field); }
  [[nodiscard]] static std::string accepted() { return ""; }
};

/// A file that is written, or "stdout"; where it has services, also "syslog" and "journald".
template <typename T>
struct Output {
  std::string T::*field;
  Origin T::*origin;  // for messages after loading
  bool has_services = false;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_output(table, key, into.*field, into.*origin, has_services);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::in_quotes(from.*field); }
  [[nodiscard]] static std::string accepted() { return ""; }
};

/// Patterns of files.
template <typename T>
struct Globs {
  std::vector<std::string> T::*field;
  Origin T::*origin;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_globs(table, key, into.*field, into.*origin);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::show(from.*field); }
  [[nodiscard]] static std::string accepted() { return ""; }
};

/// Networks of addresses.
template <typename T>
struct Prefixes {
  std::vector<AddressPrefix> T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_prefixes(table, key, into.*field);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::show(from.*field); }
  [[nodiscard]] static std::string accepted() { return "addresses, networks"; }
};

/// Servers as a Server Reference names them: host, or host and port. Kept in lower case. 4.11 (5.0)
template <typename T>
struct References {
  std::vector<std::string> T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_references(table, key, into.*field);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::show(from.*field); }
  [[nodiscard]] static std::string accepted() { return "\"host\", \"host:port\""; }
};

/// Certificates, by the SHA-256 of each.
template <typename T>
struct Fingerprints {
  std::vector<tls::Fingerprint> T::*field;

  void read(TableReader& table, std::string_view key, T& into) const {
    values::read_fingerprints(table, key, into.*field);
  }
  [[nodiscard]] std::string show(const T& from) const { return values::show(from.*field); }
  [[nodiscard]] static std::string accepted() { return "64 hexadecimal digits each"; }
};

/// A host and a port. Numeric: one of this machine's.
template <typename T>
struct Address {
  std::variant<Endpoint T::*, std::optional<Endpoint> T::*> field;
  std::string_view hint;  // "write it as ..."
  bool numeric = true;

  void read(TableReader& table, std::string_view key, T& into) const {
    auto value = values::read_address(table, key, hint, numeric);
    if (!value) return;
    std::visit([&](auto member) { into.*member = std::move(*value); }, field);
  }
  [[nodiscard]] std::string show(const T& from) const {
    return std::visit([&from](auto member) { return values::show(from.*member); }, field);
  }
  [[nodiscard]] std::string accepted() const {
    return numeric ? "\"address:port\"" : "\"host:port\"";
  }
};

/// A table in the table.
template <typename T>
struct Table {
  void (*read_table)(TableReader& table, T& into);
  void (*list)(const T& from, const std::string& path, std::vector<KeyInfo>& out);

  void read(TableReader& table, std::string_view key, T& into) const {
    if (auto inner = table.table(key)) read_table(*inner, into);
  }
  [[nodiscard]] static std::string show(const T&) { return ""; }
  [[nodiscard]] static std::string accepted() { return ""; }
};

}  // namespace sallyport::config
