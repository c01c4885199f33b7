#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::observe {

/// What an audit line is about. A new one is an enumerator, its row in kAuditEvents, its fields'
/// rows in audit_field.h, and its branch in deploy/audit.schema.json.
enum class AuditEvent : std::uint8_t {
  refusal,
  session_begin,
  session_end,
  throttle_begin,
  throttle_end,
  // Of the process.
  start,
  stop,
  reload,
  broker_down,
  broker_up,
  lost,  // lines are missing before this one
};

/// As OCSF counts: severity_id.
enum class Severity : std::uint8_t { informational = 1, low = 2, medium = 3, high = 4 };

/// What an event is called, by Sallyport and by others.
struct AuditEventRow {
  std::string_view name;
  Severity severity;
  bool ok;  // the outcome, where the line does not say another one
  // ECS: event.category and event.type.
  std::string_view category;
  std::string_view type;
  // OCSF: class_uid, activity_id, activity_name. A class is of the category class / 1000.
  std::uint16_t ocsf_class;
  std::uint8_t activity;
  std::string_view activity_name;
};

inline constexpr std::uint16_t kOcsfNetworkActivity = 4001;
inline constexpr std::uint16_t kOcsfApplicationLifecycle = 6002;

inline constexpr auto kAuditEvents = std::to_array<AuditEventRow>({
    {"refusal", Severity::low, false, "network", "denied", kOcsfNetworkActivity, 5, "Refuse"},
    {"session_begin", Severity::informational, true, "session", "start", kOcsfNetworkActivity, 1,
     "Open"},
    {"session_end", Severity::informational, true, "session", "end", kOcsfNetworkActivity, 2,
     "Close"},
    {"throttle_begin", Severity::low, true, "network", "info", kOcsfNetworkActivity, 6, "Traffic"},
    {"throttle_end", Severity::informational, true, "network", "info", kOcsfNetworkActivity, 6,
     "Traffic"},
    {"start", Severity::informational, true, "process", "start", kOcsfApplicationLifecycle, 3,
     "Start"},
    {"stop", Severity::informational, true, "process", "end", kOcsfApplicationLifecycle, 4, "Stop"},
    {"reload", Severity::informational, true, "configuration", "change", kOcsfApplicationLifecycle,
     99, "Reload"},
    {"broker_down", Severity::high, false, "network", "info", kOcsfNetworkActivity, 4, "Fail"},
    {"broker_up", Severity::informational, true, "network", "info", kOcsfNetworkActivity, 1,
     "Open"},
    {"lost", Severity::medium, false, "process", "info", kOcsfApplicationLifecycle, 99,
     "Lines lost"},
});
static_assert(kAuditEvents.size() == static_cast<std::size_t>(AuditEvent::lost) + 1);

[[nodiscard]] constexpr const AuditEventRow& row_of(AuditEvent event) {
  return kAuditEvents[static_cast<std::size_t>(event)];
}
[[nodiscard]] constexpr std::string_view to_string(AuditEvent event) { return row_of(event).name; }

}  // namespace sallyport::observe
