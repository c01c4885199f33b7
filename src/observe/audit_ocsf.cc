// Open Cybersecurity Schema Framework 1.3, https://schema.ocsf.io/1.3.0/

#include "sallyport/address.h"

#include "observe/audit_formats.h"

namespace sallyport::observe {

namespace {

using Field = AuditField;

const AuditEventRow& row(const AuditRecord& record) { return row_of(record.event()); }

void milliseconds_since_epoch(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(static_cast<std::uint64_t>(
      std::max<std::int64_t>(record.time().time_since_epoch().count(), 0)));
}
void class_uid(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(row(record).ocsf_class);
}
void category_uid(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(row(record).ocsf_class / 1000U);
}
void activity_id(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(row(record).activity);
}
void activity_name(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.text(row(record).activity_name);
}
void type_uid(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(row(record).ocsf_class * std::uint64_t{100} + row(record).activity);
}
void severity_id(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(static_cast<std::uint64_t>(row(record).severity));
}
void status_id(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(record.went_well() ? 1 : 2);
}
template <Field kField>
void number_as_text(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.text(std::to_string(record.number(kField)));
}
void schema_as_text(JsonWriter& json, const AuditRecord&, const FormatContext&) {
  json.text(std::to_string(kAuditSchema));
}
template <Field kField>
void milliseconds(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(record.number(kField));
}
/// The values of action_id and of disposition_id: 1 Allowed; 2 Denied, Blocked.
void allowed_or_not(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(record.went_well() ? 1 : 2);
}
/// connection_info.direction_id: 1 Inbound, 2 Outbound.
void direction_id(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(record.has(Field::broker) ? 2 : 1);
}

bool is_network(const AuditRecord& record) {
  return row(record).ocsf_class == kOcsfNetworkActivity;
}
bool is_lifecycle(const AuditRecord& record) {
  return row(record).ocsf_class == kOcsfApplicationLifecycle;
}
bool is_refusal(const AuditRecord& record) { return record.event() == AuditEvent::refusal; }
bool has_no_ip(const AuditRecord& record) { return !has_ip(record); }

constexpr auto kOcsfRows = std::to_array<FormatRow>({
    {"", "time", Field::time, milliseconds_since_epoch},
    {"", "class_uid", Field::event, class_uid},
    {"", "category_uid", Field::event, category_uid},
    {"", "activity_id", Field::event, activity_id},
    {"", "activity_name", Field::event, activity_name},
    {"", "type_uid", Field::event, type_uid},
    {"", "severity_id", Field::event, severity_id},
    {"", "status_id", Field::event, status_id},
    {"", "status_code", Field::reason_code, number_as_text<Field::reason_code>},
    {"", "status_detail", Field::reason_text},
    {"", "message", Field::event},
    {"", "count", Field::count},
    {"", "duration", Field::duration, milliseconds<Field::duration>},
    {"", "action_id", Field::event, allowed_or_not, is_refusal},
    {"", "disposition_id", Field::event, allowed_or_not, is_refusal},
    {"firewall_rule", "name", Field::rule, nullptr, is_refusal},
    {"firewall_rule", "name", Field::check, nullptr, is_refusal},
    {"metadata", "version", Field::event, constant<"1.3.0">},
    {"metadata", "log_name", Field::event, constant<"sallyport.audit">},
    {"metadata", "log_version", Field::schema, schema_as_text},
    {"metadata", "log_provider", Field::instance},
    {"metadata", "event_code", Field::event},
    {"metadata", "profiles", Field::event, constant_list<"security_control">, is_refusal},
    {"metadata.product", "name", Field::event, constant<"Sallyport">},
    {"metadata.product", "vendor_name", Field::event, constant<"Sallyport">},
    {"metadata.product", "version", Field::gateway_version},
    {"app", "name", Field::event, constant<"Sallyport">, is_lifecycle},
    {"app", "vendor_name", Field::event, constant<"Sallyport">, is_lifecycle},
    {"src_endpoint", "ip", Field::address, nullptr, has_ip},
    {"src_endpoint", "name", Field::address, nullptr, has_no_ip},
    {"src_endpoint", "uid", Field::client_id},
    {"src_endpoint.owner", "name", Field::username},
    {"dst_endpoint", "name", Field::listener},
    {"dst_endpoint", "hostname", Field::broker},
    {"dst_endpoint", "svc_name", Field::event, constant<"mqtt">, is_network},
    {"connection_info", "direction_id", Field::event, direction_id, is_network},
    {"connection_info", "protocol_name", Field::event, constant<"tcp">, is_network},
    {"traffic", "packets_out", Field::packets_from_client},
    {"traffic", "packets_in", Field::packets_from_broker},
    {"traffic", "bytes_out", Field::bytes_from_client},
    {"traffic", "bytes_in", Field::bytes_from_broker},
    {"unmapped", "of", Field::of},
    {"unmapped", "session", Field::session},
    {"unmapped", "certificate", Field::certificate},
    {"unmapped", "version", Field::version},
    {"unmapped", "phase", Field::phase},
    {"unmapped", "from", Field::from},
    {"unmapped", "packet", Field::packet},
    {"unmapped", "topic", Field::topic},
    {"unmapped", "action", Field::action},
    {"unmapped", "rule", Field::rule},
    {"unmapped", "check", Field::check},
    {"unmapped.unverified_certificate", "cn", Field::shown_cn},
    {"unmapped.unverified_certificate", "serial", Field::shown_serial},
    {"unmapped", "begun", Field::begun},
    {"unmapped", "side", Field::side},
    {"unmapped", "kind", Field::kind},
    {"unmapped", "ok", Field::ok},
    {"unmapped", "detail", Field::detail},
    {"unmapped", "will", Field::will},
    {"unmapped", "refused", Field::refused},
    {"unmapped", "throttled", Field::throttled},
    {"unmapped.broker_reason", "code", Field::broker_code},
    {"unmapped.broker_reason", "text", Field::broker_text},
    {"unmapped", "throttled_seconds", Field::throttled_seconds},
    {"unmapped", "seconds", Field::seconds},
    {"unmapped", "topics", Field::topics},
    {"unmapped", "client_ids", Field::client_ids},
    {"unmapped", "addresses", Field::addresses},
    {"unmapped", "more", Field::more},
    {"unmapped", "host", Field::host},
    {"unmapped", "pid", Field::pid},
    {"unmapped", "config", Field::config},
    {"unmapped", "roles", Field::roles},
    {"unmapped", "rules", Field::rules},
    {"unmapped", "errors", Field::errors},
    {"unmapped", "lines", Field::lines},
    {"unmapped.reasons", "queue_full", Field::lost_queue_full},
    {"unmapped.reasons", "write", Field::lost_write},
    {"unmapped", "truncated", Field::truncated},
});
static_assert(is_grouped(kOcsfRows));

}  // namespace

std::span<const FormatRow> ocsf_rows() { return kOcsfRows; }

}  // namespace sallyport::observe
