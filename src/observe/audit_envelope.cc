#include "observe/audit_envelope.h"

#include <algorithm>

#include <unistd.h>

namespace sallyport::observe {

namespace {

// Of syslog(3) and of journald: the facility is for the administrator to route by.
constexpr unsigned kLocal0 = 16;

unsigned syslog_severity(const AuditRecord& record) {
  constexpr unsigned kError = 3;
  constexpr unsigned kWarning = 4;
  constexpr unsigned kNotice = 5;
  constexpr unsigned kInformational = 6;
  switch (row_of(record.event()).severity) {
    case Severity::high:
      return kError;
    case Severity::medium:
      return kWarning;
    case Severity::low:
      return kNotice;
    case Severity::informational:
      break;
  }
  return kInformational;
}

std::string_view name_of(const AuditRecord& record) {
  return record.is_sum() ? "repeated" : to_string(record.event());
}

/// HOSTNAME is printable ASCII without spaces, of at most 255. RFC 5424, 6.2.4
std::string host_name(std::string_view instance) {
  std::string name(instance.substr(0, 255));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '_');
  return name.empty() ? "-" : name;
}

}  // namespace

AuditEnvelope::AuditEnvelope(Kind kind, std::string_view instance)
    : kind_(kind), end_(kind == Kind::journald ? "\n\n" : "\n") {
  if (kind == Kind::syslog) {
    app_ = " " + host_name(instance) + " sallyport " + std::to_string(getpid()) + " ";
  }
}

void AuditEnvelope::begin(const AuditRecord& record, std::string& out) const {
  switch (kind_) {
    case Kind::none:
      break;
    case Kind::syslog:
      // <PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
      out += '<';
      out += std::to_string(kLocal0 * 8 + syslog_severity(record));
      out += ">1 ";
      out += to_rfc3339(record.time());
      out += app_;
      out += name_of(record);
      out += " - ";
      break;
    case Kind::journald:
      out += "MESSAGE=";
      break;
  }
}

void AuditEnvelope::end(const AuditRecord& record, std::string& out) const {
  if (kind_ != Kind::journald) return;
  out += "PRIORITY=";
  out += std::to_string(syslog_severity(record));
  out += "\nSYSLOG_IDENTIFIER=sallyport\nSYSLOG_FACILITY=";
  out += std::to_string(kLocal0);
  out += "\nSALLYPORT_EVENT=";
  out += name_of(record);
  out += "\n\n";
}

std::size_t AuditEnvelope::first(std::string_view frames) const {
  const std::size_t at = frames.find(end_);
  return at == std::string_view::npos ? 0 : at + end_.size();
}

std::size_t AuditEnvelope::whole(std::string_view frames) const {
  const std::size_t at = frames.rfind(end_);
  return at == std::string_view::npos ? 0 : at + end_.size();
}

std::uint64_t AuditEnvelope::count(std::string_view frames) const {
  std::uint64_t count = 0;
  for (std::size_t size = first(frames); size != 0; size = first(frames)) {
    ++count;
    frames.remove_prefix(size);
  }
  return count;
}

/// A journal entry's last field ends with a line feed; a message of syslog has none at its end.
std::string_view AuditEnvelope::message(std::string_view frame) const {
  return frame.substr(0, frame.size() - 1);
}

}  // namespace sallyport::observe
