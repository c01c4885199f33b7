#pragma once

#include <memory>
#include <string>

#include "sallyport/settings.h"

#include "observe/audit_record.h"

namespace sallyport::observe {

/// A line for the operator's log.
struct Notice {
  settings::LogLevel level = settings::LogLevel::warn;
  std::string text;
  std::unique_ptr<AuditRecord> audit = {};  // what the audit log says of it; null: nothing
};

}  // namespace sallyport::observe
