#include "observe/audit_format.h"

#include <algorithm>
#include <utility>

#include "sallyport/attributes.h"

#include "observe/audit_formats.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

namespace {

/// The native format is the table of fields.
constexpr auto kNative = [] {
  std::array<FormatRow, kAuditFields.size()> rows{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = {kAuditFields[i].object, kAuditFields[i].key, static_cast<AuditField>(i)};
  }
  return rows;
}();
static_assert(is_grouped(kNative));

template <typename Texts>
void list(JsonWriter& json, const Texts& texts) {
  json.begin_array();
  for (const auto& text : texts) json.text(text);
  json.end_array();
}

/// One value, or a list of several; an empty text where there is none.
void write_values(JsonWriter& json, std::string_view name, Values values) {
  json.key(name);
  if (values.size() <= 1) {
    json.text(values.empty() ? std::string_view() : cut(values[0], AuditRecord::kMaxText));
    return;
  }
  json.begin_array();
  for (const std::string& value : values) json.text(cut(value, AuditRecord::kMaxText));
  json.end_array();
}

void write_certificate(JsonWriter& json, const Certificate& certificate) {
  // Attributes are asked of identities. It owns nothing: the record keeps the certificate.
  Identity identity;
  identity.certificate = {std::shared_ptr<const Certificate>(), &certificate};
  json.begin_object();
  for (const Attribute& attribute : kAttributes) {
    if (!attribute.audit.empty()) write_values(json, attribute.audit, attribute.values(identity));
  }
  if (!certificate.left_out.empty()) {
    json.key("left_out");
    list(json, certificate.left_out);
  }
  if (certificate.needs.any()) {
    json.key("let_in_by");
    json.begin_array();
    if (certificate.needs.key) json.text(kLeniencies[0]);
    if (certificate.needs.sha1) json.text(kLeniencies[1]);
    json.end_array();
  }
  json.end_object();
}

void write_truncated(JsonWriter& json, const AuditRecord& record) {
  json.begin_array();
  for (std::size_t i = 0; i < kAuditFields.size(); ++i) {
    if (!record.truncated(static_cast<AuditField>(i))) continue;
    const AuditFieldRow& row = kAuditFields[i];
    json.text(row.object.empty() ? std::string(row.key)
                                 : std::string(row.object) + "." + std::string(row.key));
  }
  json.end_array();
}

void write_made(JsonWriter& json, const AuditRecord& record, AuditField field,
                const FormatContext& context) {
  switch (field) {
    case AuditField::time:
      return json.word(to_rfc3339(record.time()));
    case AuditField::schema:
      return json.number(kAuditSchema);
    case AuditField::event:
      return json.word(record.is_sum() ? "repeated" : to_string(record.event()));
    case AuditField::of:
      return json.word(to_string(record.event()));
    case AuditField::instance:
      return json.text(context.instance);
    case AuditField::certificate:
      return write_certificate(json, record.certificate());
    case AuditField::truncated:
      return write_truncated(json, record);
    default:  // topics, client_ids, addresses
      return list(json, record.examples());
  }
}

/// The members of nested objects, one behind the other.
class Nest final {
 public:
  explicit Nest(JsonWriter& json) : json_(json) {}
  /// From here on members stand in this object.
  void enter(std::string_view path) {
    if (path == path_) return;
    // How much of both is the same, whole names only.
    std::size_t same = 0;
    for (std::size_t i = 0; i <= path.size() && i <= path_.size(); ++i) {
      const bool ends =
          (i == path.size() || path[i] == '.') && (i == path_.size() || path_[i] == '.');
      if (ends) same = i;
      if (i == path.size() || i == path_.size() || path[i] != path_[i]) break;
    }
    // An object for each name: as many as there are dots, and one more for a path's first name.
    const auto depth = [](std::string_view part, bool begins) {
      return part.empty() ? 0 : std::count(part.begin(), part.end(), '.') + (begins ? 1 : 0);
    };
    for (auto open = depth(path_.substr(same), same == 0); open != 0; --open) json_.end_object();
    for (std::string_view left = path.substr(same); !left.empty();) {
      if (left.front() == '.') left.remove_prefix(1);
      const std::size_t end = std::min(left.find('.'), left.size());
      json_.key(left.substr(0, end));
      json_.begin_object();
      left.remove_prefix(end);
    }
    path_ = path;
  }

 private:
  JsonWriter& json_;
  std::string_view path_;
};

}  // namespace

void write_field(JsonWriter& json, const AuditRecord& record, AuditField field,
                 const FormatContext& context) {
  switch (row_of(field).kind) {
    case FieldKind::text:
    case FieldKind::topic:
      return json.text(record.text(field));
    case FieldKind::word:
      return json.word(record.text(field));
    case FieldKind::number:
      return json.number(record.number(field));
    case FieldKind::seconds:
      return json.thousandths(record.number(field));
    case FieldKind::flag:
      return json.boolean(record.number(field) != 0);
    case FieldKind::made:
      return write_made(json, record, field, context);
  }
}

std::span<const FormatRow> rows_of(settings::AuditFormat format) {
  switch (format) {
    case settings::AuditFormat::ecs:
      return ecs_rows();
    case settings::AuditFormat::ocsf:
      return ocsf_rows();
    case settings::AuditFormat::native:
      break;
  }
  return kNative;
}

void LineFormat::write(const AuditRecord& record, std::string& out) const {
  JsonWriter json(out);
  json.begin_object();
  Nest nest(json);
  for (const FormatRow& row : rows_) {
    if (!record.has(row.field) || (row.when != nullptr && !row.when(record))) continue;
    nest.enter(row.object);
    json.key(row.key);
    if (row.write != nullptr) {
      row.write(json, record, context_);
    } else {
      write_field(json, record, row.field, context_);
    }
  }
  nest.enter({});
  json.end_object();
  out += '\n';
}

}  // namespace sallyport::observe
