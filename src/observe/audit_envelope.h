#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "observe/audit_record.h"

namespace sallyport::observe {

/// What stands around a line on its way to who takes it: nothing in a file, the header of RFC 5424
/// for syslog, the fields of a journal entry for journald. A line and what stands around it is a
/// frame; frames lie one behind the other in a batch, and a JSON text has no raw line feed, so
/// their ends can be found.
class AuditEnvelope final {
 public:
  /// No envelope is longer, in bytes.
  static constexpr std::size_t kMost = 512;

  enum class Kind : std::uint8_t { none, syslog, journald };

  /// `instance` is what syslog calls HOSTNAME.
  AuditEnvelope(Kind kind, std::string_view instance);

  /// Appended before the line, which ends with a line feed, and after it.
  void begin(const AuditRecord& record, std::string& out) const;
  void end(const AuditRecord& record, std::string& out) const;

  /// The number of bytes of the first frame of `frames`, with its end; 0: there is no whole one.
  [[nodiscard]] std::size_t first(std::string_view frames) const;
  /// How much of `frames` are whole frames.
  [[nodiscard]] std::size_t whole(std::string_view frames) const;
  [[nodiscard]] std::uint64_t count(std::string_view frames) const;
  /// What of one frame is sent as a message of its own.
  [[nodiscard]] std::string_view message(std::string_view frame) const;

 private:
  Kind kind_;
  std::string_view end_;  // of a frame
  std::string app_;       // syslog: " HOSTNAME APP-NAME PROCID "
};

}  // namespace sallyport::observe
