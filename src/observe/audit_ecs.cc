// Elastic Common Schema 8.11, https://www.elastic.co/guide/en/ecs/8.11/

#include "observe/audit_formats.h"

namespace sallyport::observe {

namespace {

using Field = AuditField;

void category(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.begin_array();
  json.text(row_of(record.event()).category);
  json.end_array();
}
void type(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  const bool reported = record.event() == AuditEvent::refusal && record.went_well();
  json.begin_array();
  json.text(reported ? "allowed" : row_of(record.event()).type);
  json.end_array();
}
void outcome(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.text(record.went_well() ? "success" : "failure");
}
template <Field kField>
void nanoseconds(JsonWriter& json, const AuditRecord& record, const FormatContext&) {
  json.number(record.number(kField) * 1'000'000);
}

constexpr auto kEcsRows = std::to_array<FormatRow>({
    {"", "@timestamp", Field::time},
    {"ecs", "version", Field::event, constant<"8.11.0">},
    {"event", "kind", Field::event, constant<"event">},
    {"event", "module", Field::event, constant<"sallyport">},
    {"event", "dataset", Field::event, constant<"sallyport.audit">},
    {"event", "category", Field::event, category},
    {"event", "type", Field::event, type},
    {"event", "action", Field::event},
    {"event", "outcome", Field::event, outcome},
    {"event", "code", Field::check},
    {"event", "reason", Field::reason_text},
    {"event", "duration", Field::duration, nanoseconds<Field::duration>},
    {"observer", "name", Field::instance},
    {"observer", "product", Field::event, constant<"Sallyport">},
    {"observer", "type", Field::event, constant<"gateway">},
    {"observer", "version", Field::gateway_version},
    {"host", "name", Field::host},
    {"process", "pid", Field::pid},
    {"network", "transport", Field::listener, constant<"tcp">},
    {"network", "protocol", Field::listener, constant<"mqtt">},
    {"source", "address", Field::address},
    {"source", "ip", Field::address, nullptr, has_ip},
    {"source", "bytes", Field::bytes_from_client},
    {"source", "packets", Field::packets_from_client},
    {"destination", "address", Field::broker},
    {"destination", "bytes", Field::bytes_from_broker},
    {"destination", "packets", Field::packets_from_broker},
    {"device", "id", Field::client_id},
    {"user", "name", Field::username},
    {"rule", "name", Field::rule},
    {"tls.client.hash", "sha256", Field::certificate, upper_case<&Certificate::fingerprint>},
    {"tls.client.x509", "serial_number", Field::certificate, upper_case<&Certificate::serial>},
    {"sallyport", "schema", Field::schema},
    {"sallyport", "of", Field::of},
    {"sallyport", "session", Field::session},
    {"sallyport", "listener", Field::listener},
    {"sallyport", "certificate", Field::certificate},
    {"sallyport", "version", Field::version},
    {"sallyport", "phase", Field::phase},
    {"sallyport", "from", Field::from},
    {"sallyport", "packet", Field::packet},
    {"sallyport", "topic", Field::topic},
    {"sallyport", "action", Field::action},
    {"sallyport", "reason_code", Field::reason_code},
    {"sallyport.unverified_certificate", "cn", Field::shown_cn},
    {"sallyport.unverified_certificate", "serial", Field::shown_serial},
    {"sallyport", "begun", Field::begun},
    {"sallyport", "side", Field::side},
    {"sallyport", "kind", Field::kind},
    {"sallyport", "ok", Field::ok},
    {"sallyport", "detail", Field::detail},
    {"sallyport", "will", Field::will},
    {"sallyport", "refused", Field::refused},
    {"sallyport", "throttled", Field::throttled},
    {"sallyport.broker_reason", "code", Field::broker_code},
    {"sallyport.broker_reason", "text", Field::broker_text},
    {"sallyport", "count", Field::count},
    {"sallyport", "throttled_seconds", Field::throttled_seconds},
    {"sallyport", "seconds", Field::seconds},
    {"sallyport", "topics", Field::topics},
    {"sallyport", "client_ids", Field::client_ids},
    {"sallyport", "addresses", Field::addresses},
    {"sallyport", "more", Field::more},
    {"sallyport", "config", Field::config},
    {"sallyport", "roles", Field::roles},
    {"sallyport", "rules", Field::rules},
    {"sallyport", "errors", Field::errors},
    {"sallyport", "lines", Field::lines},
    {"sallyport.reasons", "queue_full", Field::lost_queue_full},
    {"sallyport.reasons", "write", Field::lost_write},
    {"sallyport", "truncated", Field::truncated},
});
static_assert(is_grouped(kEcsRows));

}  // namespace

std::span<const FormatRow> ecs_rows() { return kEcsRows; }

}  // namespace sallyport::observe
