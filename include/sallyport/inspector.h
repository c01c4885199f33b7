#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "sallyport/bytes.h"
#include "sallyport/mqtt.h"

namespace sallyport::policy {

/// Looks at the whole payload of a PUBLISH or a Will for a rule.
///
/// Thread: any, and several at once; an implementation is immutable. It is called on the path of a
/// packet, so it neither blocks nor allocates without bound. It must not throw.
class Inspector {
 public:
  virtual ~Inspector() = default;
  /// Returns why the payload may not pass; returns none if it may. The arguments are valid during
  /// the call only.
  [[nodiscard]] virtual std::optional<mqtt::ReasonCode> refuse(std::string_view topic,
                                                               Bytes payload) const = 0;
};

/// That a rule wants to see payloads, and how large they may be.
struct Inspection {
  std::shared_ptr<const Inspector> inspector;  // null: the rule does not want to
  /// The largest payload, in bytes, that is held so that the inspector can see it. A larger one is
  /// refused in the rule's name.
  std::uint32_t max_bytes = 16 * 1024;
};

}  // namespace sallyport::policy
