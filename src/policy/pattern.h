#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/identity.h"

/// Topic filters of rules: levels, wildcards and placeholders.
namespace sallyport::policy {

enum class Placeholder : std::uint8_t {
  client_id,
  username,
  cert_cn,
  cert_san_dns,
  cert_san_uri,
  cert_serial,
  listener,
};
/// As written between `${` and `}`, in the order of the enumerators.
inline constexpr std::array<std::string_view, 7> kPlaceholderNames = {
    "client_id", "username", "cert.cn", "cert.san.dns", "cert.san.uri", "cert.serial", "listener"};

/// Who is asked about: an identity, and which of its values may stand for a placeholder. Refers to
/// the identity, which must outlive it.
class Subject {
 public:
  explicit Subject(const Identity& identity);
  /// With `usable` as told by the constructor above for the same identity.
  Subject(const Identity& identity, std::uint8_t usable) : identity_(&identity), usable_(usable) {}

  [[nodiscard]] const Identity& identity() const { return *identity_; }
  [[nodiscard]] std::uint8_t usable() const { return usable_; }
  [[nodiscard]] bool usable(Placeholder placeholder) const {
    return (usable_ >> static_cast<unsigned>(placeholder) & 1U) != 0;
  }

 private:
  const Identity* identity_;
  std::uint8_t usable_;  // one bit for each placeholder that has a value
};

/// May this value stand for a placeholder? Not if it is empty, nor if it holds `/`, `+`, `#` or
/// U+0000: such a value would reach beyond its level (CVE-2017-7650).
[[nodiscard]] bool is_usable_value(std::string_view value);

/// Text around one placeholder: `dev-${client_id}` is {"dev-", client_id, ""}.
struct ValuePattern {
  Placeholder placeholder = Placeholder::client_id;
  std::string prefix;
  std::string suffix;

  friend bool operator==(const ValuePattern&, const ValuePattern&) = default;
};
/// Is `text` the pattern with this value put in?
[[nodiscard]] inline bool fits_value(const ValuePattern& pattern, std::string_view text,
                                     std::string_view value) {
  const auto same = [](const char* a, std::string_view b) {
    return b.empty() || std::memcmp(a, b.data(), b.size()) == 0;
  };
  const std::size_t before = pattern.prefix.size();
  if (text.size() != before + value.size() + pattern.suffix.size()) return false;
  return same(text.data() + before, value) && same(text.data(), pattern.prefix) &&
         same(text.data() + before + value.size(), pattern.suffix);
}
/// With one of the subject alternative names that the pattern asks for; there is a certificate.
[[nodiscard]] bool fits_any(const ValuePattern& pattern, std::string_view text,
                            const Identity& identity);

/// Is `text` the pattern with the subject's value put in? Of values that come in numbers any may
/// fit. Does not allocate.
[[nodiscard]] inline bool fits(const ValuePattern& pattern, std::string_view text,
                               const Subject& subject) {
  if (!subject.usable(pattern.placeholder)) return false;
  const Identity& identity = subject.identity();
  switch (pattern.placeholder) {
    case Placeholder::client_id:
      return fits_value(pattern, text, identity.client_id);
    case Placeholder::username:
      return fits_value(pattern, text, *identity.username);
    case Placeholder::cert_cn:
      return fits_value(pattern, text, identity.certificate->common_name);
    case Placeholder::cert_serial:
      return fits_value(pattern, text, identity.certificate->serial);
    case Placeholder::listener:
      return fits_value(pattern, text, identity.listener);
    case Placeholder::cert_san_dns:
    case Placeholder::cert_san_uri:
      return fits_any(pattern, text, identity);
  }
  return false;
}

/// One level of a rule's filter.
struct FilterLevel {
  enum class Kind : std::uint8_t { literal, plus, hash, pattern };
  Kind kind = Kind::literal;
  std::string literal;
  ValuePattern pattern;
};
using FilterLevels = std::vector<FilterLevel>;

/// Most levels that a rule's filter may have. Bounds the depth of the trie, and with it the stack
/// of a verdict, whatever topics arrive.
inline constexpr std::size_t kMaxFilterLevels = 128;

/// What is wrong with a text, without saying where it stands.
struct Problem {
  std::string message;
  std::string hint;
};

/// Takes a rule's filter apart. All that is wrong with it is added to `problems`; the levels are
/// good for use only where nothing was.
[[nodiscard]] FilterLevels parse_filter(std::string_view filter, std::vector<Problem>& problems);

/// A client identifier binding: a literal, or text around one placeholder.
struct Binding {
  std::string literal;
  std::optional<ValuePattern> pattern;
};
[[nodiscard]] Binding parse_binding(std::string_view text, std::vector<Problem>& problems);

}  // namespace sallyport::policy
