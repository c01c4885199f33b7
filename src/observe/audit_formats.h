#pragma once

#include <span>

#include "observe/audit_format.h"

/// The formats of others, as tables. Fields that they have no place for stand under "sallyport"
/// (ECS) and "unmapped" (OCSF), as the native format calls them: no field of a record is left out.
namespace sallyport::observe {

/// Elastic Common Schema.
[[nodiscard]] std::span<const FormatRow> ecs_rows();
/// Open Cybersecurity Schema Framework.
[[nodiscard]] std::span<const FormatRow> ocsf_rows();

}  // namespace sallyport::observe
