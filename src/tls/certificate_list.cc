#include "tls/certificate_list.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "tls/file.h"
#include "tls/fingerprint.h"

namespace sallyport::tls {
namespace {

using Time = CertificateList::Time;

constexpr std::size_t kMostSerialDigits = 64;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// The words of one line. A comment ends it.
class Words final {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  /// Empty: the end.
  [[nodiscard]] std::string_view next() {
    skip_space();
    std::size_t end = 0;
    while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != '#') ++end;
    return take(end);
  }
  /// What stands between quotation marks; a backslash belongs to the character behind it, as in RFC
  /// 2253, and stays. None: there is no such thing.
  [[nodiscard]] std::optional<std::string_view> next_quoted() {
    skip_space();
    if (!rest_.starts_with('"')) return std::nullopt;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        const std::string_view text = rest_.substr(1, i - 1);
        rest_.remove_prefix(i + 1);
        return text;
      }
    }
    return std::nullopt;
  }

 private:
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    if (rest_.starts_with('#')) rest_ = {};
  }
  std::string_view take(std::size_t size) {
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

  std::string_view rest_;
};

/// As serial_text() writes it: an even number of digits, without leading zeros.
std::optional<std::string> parse_serial(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::string digits;
  for (const char c : text) {
    if (c == ':' && !digits.empty()) continue;
    const char small = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!(small >= '0' && small <= '9') && !(small >= 'a' && small <= 'f')) return std::nullopt;
    digits += small;
  }
  if (digits.empty()) return std::nullopt;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.size() % 2 != 0) digits.insert(0, 1, '0');
  if (digits.empty()) digits = "00";
  if (digits.size() > kMostSerialDigits) return std::nullopt;
  return negative ? '-' + digits : digits;
}

/// Digits only, all of them.
std::optional<int> number(std::string_view text) {
  int value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "2027-03-31", of which the whole day counts, or "2027-03-31T12:00:00Z" (RFC 3339, UTC).
std::optional<Time> parse_date(std::string_view text) {
  namespace chrono = std::chrono;
  const bool has_time = text.size() == 20;
  if (!has_time && text.size() != 10) return std::nullopt;
  const auto y = number(text.substr(0, 4));
  const auto m = number(text.substr(5, 2));
  const auto d = number(text.substr(8, 2));
  if (!y || !m || !d || text[4] != '-' || text[7] != '-') return std::nullopt;
  const chrono::year_month_day date{chrono::year{*y}, chrono::month{static_cast<unsigned>(*m)},
                                    chrono::day{static_cast<unsigned>(*d)}};
  // The clock's own type ends in 2262.
  if (!date.ok() || *y < 1970 || *y > 2200) return std::nullopt;
  if (!has_time) return chrono::sys_days{date} + chrono::days{1};
  const auto hour = number(text.substr(11, 2));
  const auto minute = number(text.substr(14, 2));
  const auto second = number(text.substr(17, 2));
  if (!hour || !minute || !second || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != 'Z' || *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  return chrono::sys_days{date} + chrono::hours{*hour} + chrono::minutes{*minute} +
         chrono::seconds{*second};
}

}  // namespace

/// Empty: the line is taken, or says nothing.
std::string CertificateList::add_line(std::string_view line, bool needs_end) {
  if (line.size() > kMostLine) return "is longer than 1024 bytes";
  Words words(line);
  const std::string_view kind = words.next();
  if (kind.empty()) return {};
  std::string key;
  const bool is_serial = kind == "serial";
  if (is_serial) {
    const auto serial = parse_serial(words.next());
    if (!serial) {
      return "has no serial number behind \"serial\"; write it in hexadecimal digits, 64 at most, "
             "as openssl x509 -noout -serial does";
    }
    key = 's' + *serial;
  } else if (kind == "fingerprint") {
    const auto fingerprint = parse_fingerprint(words.next());
    if (!fingerprint) {
      return "has no SHA-256 behind \"fingerprint\"; write its 64 hexadecimal digits, as openssl "
             "x509 -noout -fingerprint -sha256 does";
    }
    key = 'f' + to_hex(*fingerprint);
  } else {
    return "begins with neither \"fingerprint\" nor \"serial\"; write for example: serial 0a1b "
           "until 2027-03-31";
  }
  Entry entry;
  bool has_end = false;
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (word == "issuer" && is_serial && entry.issuer.empty()) {
      const auto issuer = words.next_quoted();
      if (!issuer || issuer->empty()) {
        return "has no name in quotation marks behind \"issuer\"; write it as openssl x509 -noout "
               "-issuer -nameopt RFC2253 does: issuer \"CN=Devices CA,O=Plant\"";
      }
      entry.issuer = *issuer;
    } else if (word == "until" && !has_end) {
      const auto until = parse_date(words.next());
      if (!until) {
        return "has no date behind \"until\"; write 2027-03-31, or 2027-03-31T12:00:00Z";
      }
      entry.until = *until;
      has_end = true;
    } else {
      return "says more than it may; behind a serial number may stand issuer \"NAME\", behind both "
             "until DATE, each once";
    }
  }
  if (needs_end && !has_end) return "has no end; an exception needs one: until 2027-03-31";
  if (entries_.size() >= kMostEntries) return "is beyond the 100000 that all lists may have";
  entries_.emplace(std::move(key), std::move(entry));
  return {};
}

void CertificateList::add(std::string_view text, const std::string& file, bool needs_end,
                          std::vector<TlsError>& errors) {
  constexpr std::size_t kMostErrors = 20;  // of one file: whoever names the wrong one reads enough
  const std::size_t most = errors.size() + kMostErrors;
  std::uint32_t line = 0;
  while (!text.empty() && errors.size() < most) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ++line;
    if (std::string wrong = add_line(text.substr(0, end), needs_end); !wrong.empty()) {
      errors.push_back({file, "line " + std::move(wrong), line});
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::optional<Time> CertificateList::find(const ListedAs& certificate, Time now) const {
  if (entries_.empty()) return std::nullopt;
  std::optional<Time> longest;
  const auto look = [&](char kind, std::string_view value) {
    if (value.empty()) return;
    const auto [first, last] = entries_.equal_range(kind + std::string(value));
    for (auto at = first; at != last; ++at) {
      const Entry& entry = at->second;
      if (now >= entry.until || (!entry.issuer.empty() && entry.issuer != certificate.issuer)) {
        continue;
      }
      longest = std::max(longest.value_or(entry.until), entry.until);
    }
  };
  look('f', certificate.fingerprint);
  look('s', certificate.serial);
  return longest;
}

CertificateList load_certificate_list(const std::vector<std::string>& files, bool needs_end,
                                      std::vector<TlsError>& errors) {
  CertificateList list;
  for (const std::string& file : files) {
    Contents contents;
    // An empty file is a list of nobody.
    if (contents.read(file, errors, kMaxFileBytes, true)) {
      list.add(as_text(contents.bytes()), file, needs_end, errors);
    }
  }
  return list;
}

}  // namespace sallyport::tls
