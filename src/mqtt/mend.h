#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sallyport/framer.h"

/// What can be saved of a broker's packet that is wrong: what is needed to answer it, or the packet
/// without what is wrong with it. The frames come from next_frame() or look_again(), and need not
/// hold the whole packet. Every view points into the frame.
namespace sallyport::mqtt {

/// What can still be read of a PUBLISH.
struct PublishRemains {
  std::uint8_t qos = 0;         // 1 or 2: it has to be acknowledged; 0: it has not, or cannot be
  std::uint16_t packet_id = 0;  // not 0 where `qos` is not
  std::string_view topic;       // as it stands there; empty also where it cannot be read
  /// The topic alias that its sender has set with it; 0: none. None: nobody can tell which.
  std::optional<std::uint16_t> alias = 0;
};
[[nodiscard]] PublishRemains remains_of_publish(const Frame& frame, Version version);

/// What can still be read of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK or UNSUBACK.
struct AckRemains {
  std::uint16_t packet_id = 0;  // 0: there is none
  /// Not of SUBACK and UNSUBACK. One that the packet may carry; where it says another one, the one
  /// that is as much of a success or failure.
  ReasonCode reason = ReasonCode::success;
};
[[nodiscard]] AckRemains remains_of_ack(const Frame& frame, Version version);

/// The reason code of a DISCONNECT of 5.0, which may be left out. One that it may not carry becomes
/// unspecified_error.
[[nodiscard]] ReasonCode remains_of_disconnect(const Frame& frame);

/// Appends CONNACK without what is wrong with it: bytes behind its end, and properties that may not
/// be there, or not with that value, or not twice. In 5.0 a CONNACK without properties gets an
/// empty block, and return codes of 3.1.1 become reason codes there. Returns false where it cannot
/// be taken apart: it ends too early, or holds a property that nobody knows, whose end cannot be
/// found.
[[nodiscard]] bool mend_connack(const Frame& frame, Version version, Buffer& out);

}  // namespace sallyport::mqtt
