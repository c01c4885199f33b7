#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/address.h"
#include "sallyport/settings.h"

#include "observe/audit_record.h"
#include "observe/json_writer.h"

namespace sallyport::observe {

/// The number of the native format. It grows by one with a change that a reader must know of: a
/// field that goes, or means something else. New fields and new events leave it as it is.
inline constexpr std::uint64_t kAuditSchema = 1;

/// What is the same in every line of a process.
struct FormatContext {
  std::string instance;
};

/// One member of a line, in one format. A format is a list of rows, in the order in which they are
/// written; rows of one object stand together.
struct FormatRow {
  std::string_view object;  // "a.b": in the object "b" of the object "a" of the line; "": the line
  std::string_view key;
  AuditField field;  // the row is there where the record has it
  /// Writes the value; null: as the field's row says.
  void (*write)(JsonWriter&, const AuditRecord&, const FormatContext&) = nullptr;
  /// The row is only there where this is so; null: always.
  bool (*when)(const AuditRecord&) = nullptr;
};

[[nodiscard]] std::span<const FormatRow> rows_of(settings::AuditFormat format);

/// Makes lines of records. Immutable.
class LineFormat final {
 public:
  LineFormat(settings::AuditFormat format, std::string instance)
      : rows_(rows_of(format)), context_{std::move(instance)} {}

  /// Appends one JSON object and a line feed. Never throws for what is in the strings: what is not
  /// UTF-8 becomes U+FFFD, and what cannot be seen is escaped.
  void write(const AuditRecord& record, std::string& out) const;

 private:
  std::span<const FormatRow> rows_;
  FormatContext context_;
};

// For the formats' tables.

/// The value of a field, as the native format has it.
void write_field(JsonWriter& json, const AuditRecord& record, AuditField field,
                 const FormatContext& context);

/// A text that can be an argument of a template.
template <std::size_t kSize>
struct Literal {
  // Implicit, so that it can be written as a literal.
  consteval Literal(const char (&text)[kSize]) {  // NOLINT(google-explicit-constructor)
    for (std::size_t i = 0; i < kSize; ++i) chars[i] = text[i];
  }
  [[nodiscard]] constexpr std::string_view view() const { return {chars, kSize - 1}; }
  char chars[kSize]{};
};
template <Literal kText>
void constant(JsonWriter& json, const AuditRecord&, const FormatContext&) {
  json.word(kText.view());
}
template <Literal kText>
void constant_list(JsonWriter& json, const AuditRecord&, const FormatContext&) {
  json.begin_array();
  json.text(kText.view());
  json.end_array();
}
/// A value of the certificate, in upper case as those formats write what is hexadecimal.
template <const std::string Certificate::*kMember>
void upper_case(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  std::string text(cut(record.certificate().*kMember, AuditRecord::kMaxText));
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  json.text(text);
}

/// Other people's `ip` is for addresses and nothing else.
[[nodiscard]] inline bool has_ip(const AuditRecord& record) {
  return parse_ip(record.text(AuditField::address)).has_value();
}

/// Do the rows of one object, and of the objects in it, stand together?
template <std::size_t kSize>
[[nodiscard]] consteval bool is_grouped(const std::array<FormatRow, kSize>& rows) {
  const auto inside = [](std::string_view path, std::string_view object) {
    return object.empty() || (path.starts_with(object) &&
                              (path.size() == object.size() || path[object.size()] == '.'));
  };
  for (std::size_t i = 1; i < kSize; ++i) {
    // What is left for good must not come again.
    if (inside(rows[i].object, rows[i - 1].object)) continue;
    for (std::size_t k = i + 1; k < kSize; ++k) {
      if (inside(rows[k].object, rows[i - 1].object)) return false;
    }
  }
  return true;
}

}  // namespace sallyport::observe
