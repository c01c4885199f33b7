#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::observe {

/// How a field of an audit line is kept and written.
enum class FieldKind : std::uint8_t {
  text,
  word,     // a text that is one of the program's own words, which need no look before writing
  topic,    // a text that may be longer
  number,   // not negative
  seconds,  // kept in milliseconds
  flag,
  made,  // out of the record as a whole, when it is written
};

/// The fields of audit lines, in the order in which the native format has them: a row is a value of
/// AuditField and its place in a native line (the object that it stands in, and its key). Rows of
/// one object stand together.
///
///   X(enumerator, FieldKind, "object", "key")
#define SALLYPORT_AUDIT_FIELDS(X)                           \
  X(time, made, "", "time")                                 \
  X(schema, made, "", "schema")                             \
  X(event, made, "", "event")                               \
  X(of, made, "", "of")                                     \
  X(instance, made, "", "instance")                         \
  X(session, number, "", "session")                         \
  X(listener, text, "", "listener")                         \
  X(address, text, "", "address")                           \
  X(client_id, text, "", "client_id")                       \
  X(username, text, "", "username")                         \
  X(certificate, made, "", "certificate")                   \
  X(version, word, "", "version")                           \
  X(phase, word, "", "phase")                               \
  X(from, word, "", "from")                                 \
  X(packet, word, "", "packet")                             \
  X(topic, topic, "", "topic")                              \
  X(action, word, "", "action")                             \
  X(rule, text, "", "rule")                                 \
  X(check, text, "", "check")                               \
  X(reason_code, number, "reason", "code")                  \
  X(reason_text, word, "reason", "text")                    \
  X(shown_cn, text, "unverified_certificate", "cn")         \
  X(shown_serial, text, "unverified_certificate", "serial") \
  X(begun, flag, "", "begun")                               \
  X(side, word, "", "side")                                 \
  X(kind, word, "", "kind")                                 \
  X(ok, flag, "", "ok")                                     \
  X(detail, text, "", "detail")                             \
  X(will, topic, "", "will")                                \
  X(packets_from_client, number, "packets", "from_client")  \
  X(packets_from_broker, number, "packets", "from_broker")  \
  X(bytes_from_client, number, "bytes", "from_client")      \
  X(bytes_from_broker, number, "bytes", "from_broker")      \
  X(refused, number, "", "refused")                         \
  X(throttled, number, "", "throttled")                     \
  X(broker_code, number, "broker_reason", "code")           \
  X(broker_text, word, "broker_reason", "text")             \
  X(count, number, "", "count")                             \
  X(throttled_seconds, seconds, "", "throttled_seconds")    \
  X(duration, seconds, "", "duration_seconds")              \
  X(seconds, seconds, "", "seconds")                        \
  X(topics, made, "", "topics")                             \
  X(client_ids, made, "", "client_ids")                     \
  X(addresses, made, "", "addresses")                       \
  X(more, flag, "", "more")                                 \
  X(gateway_version, text, "", "gateway_version")           \
  X(host, text, "", "host")                                 \
  X(pid, number, "", "pid")                                 \
  X(config, word, "", "config")                             \
  X(roles, number, "", "roles")                             \
  X(rules, number, "", "rules")                             \
  X(errors, number, "", "errors")                           \
  X(broker, text, "", "broker")                             \
  X(lines, number, "", "lines")                             \
  X(lost_queue_full, number, "reasons", "queue_full")       \
  X(lost_write, number, "reasons", "write")                 \
  X(truncated, made, "", "truncated")

enum class AuditField : std::uint8_t {
#define X(enumerator, kind, object, key) enumerator,
  SALLYPORT_AUDIT_FIELDS(X)
#undef X
};

struct AuditFieldRow {
  FieldKind kind;
  std::string_view object;
  std::string_view key;
};

inline constexpr auto kAuditFields = std::to_array<AuditFieldRow>({
#define X(enumerator, kind, object, key) {FieldKind::kind, object, key},
    SALLYPORT_AUDIT_FIELDS(X)
#undef X
});
// A record has a bit for each.
static_assert(kAuditFields.size() <= 64);

[[nodiscard]] constexpr const AuditFieldRow& row_of(AuditField field) {
  return kAuditFields[static_cast<std::size_t>(field)];
}
[[nodiscard]] constexpr std::uint64_t bit(AuditField field) {
  return std::uint64_t{1} << static_cast<unsigned>(field);
}

}  // namespace sallyport::observe
