#pragma once

#include "sallyport/bytes.h"
#include "sallyport/mqtt.h"

namespace sallyport::mqtt {

/// The fixed header. 2.1.1
struct FixedHeader {
  PacketType type = PacketType::reserved;
  std::uint8_t flags = 0;  // low nibble of the first byte
  std::uint8_t size = 0;   // bytes of the fixed header itself, 2 to 5
  std::uint32_t remaining_length = 0;

  /// Whole control packet in bytes, fixed header included.
  [[nodiscard]] std::uint64_t total() const { return std::uint64_t{size} + remaining_length; }
};

/// One control packet as bytes on the wire. `head` is all that a decision needs: the whole packet,
/// except for a PUBLISH, whose payload stays outside so that it can stream.
struct Frame {
  FixedHeader header;
  Bytes head;                      // from the first byte of the packet; points into the input
  std::uint32_t payload_size = 0;  // PUBLISH: bytes that follow `head`; else 0

  /// `head` without the fixed header.
  [[nodiscard]] Bytes body() const { return head.subspan(header.size); }
};

struct FrameResult {
  enum class Status : std::uint8_t {
    frame,
    odd,        // by look_again() only: `error`, which clients tolerate
    wrong,      // by look_again() only: `error`, in a packet whose end is known
    need_more,  // ask again with at least `needed` bytes from the same start
    malformed,  // `error`
    too_large,  // `error`; `frame.header` tells what was announced
  };
  Status status = Status::need_more;
  std::size_t needed = 0;
  Malformed error{Check::remaining_length, ReasonCode::malformed_packet};
  Frame frame;

  [[nodiscard]] bool has_frame() const { return status <= Status::wrong; }
  [[nodiscard]] bool is_refused() const { return status >= Status::malformed; }
};

/// What the framer must know to refuse a packet from its first bytes, before anything is gathered.
struct FrameRules {
  Side from = Side::client;
  Version version = Version::v3_1_1;
  std::uint32_t max_packet = 0;  // whole packets larger than this are too_large
  std::uint32_t max_head = 0;    // most bytes of `head` that may be gathered
  bool tolerant = false;         // look_again() may accept what clients tolerate
  /// Of packets other than PUBLISH, where that is lower than `max_packet`: a PUBLISH that is too
  /// large can be answered, for its payload is not gathered.
  std::uint32_t max_other = UINT32_MAX;
};

/// Looks at the control packet at the start of `in`. Pure: it keeps nothing, so the answer depends
/// on the bytes only and not on how they were cut. A valid beginning is never an error: `10 80`
/// is need_more. What is refused here, and therefore before the body has arrived:
///   - a reserved type, or one that `from` may not send           [MQTT-2.1.2], 2.1.2 table 2-1
///   - flags that are not as fixed, unless MQTT 3.1 does not use them; PUBLISH with QoS 3. Those of
///     CONNECT are left to its decoder, which learns the version [MQTT-2.2.2-2] [MQTT-3.3.1-4]
///   - a Remaining Length of more than four bytes, or one that this type cannot have
///     (PINGREQ with a body; PUBACK of 3 bytes in 3.1.1)          [MQTT-2.2.3]
///   - more than `max_packet` bytes, or a head of more than `max_head`
///   - a PUBLISH whose topic or properties run past its own end
[[nodiscard]] FrameResult next_frame(Bytes in, const FrameRules& rules);

/// A second look at what next_frame() has refused for `error` (malformed or too_large), where a
/// wrong packet is to cost that packet only: a broker's. Pure, as next_frame() is. Returns
///   - odd, if the rules are tolerant: flags that are not as fixed, DUP on QoS 0, a Remaining
///   Length
///     that is longer than it need be, a PINGRESP with a body.
///   - wrong: anything else, in a packet whose end is known. `frame` spans it: `head` is what an
///   answer
///     to it needs and can be read (of a PUBLISH up to its packet identifier, and its properties if
///     they lie inside the packet and within max_head), `payload_size` counts the rest.
///   - malformed: nobody can tell where the packet ends. The only such error is a Remaining Length
///   of
///     more than four bytes.
///   - need_more, as next_frame().
[[nodiscard]] FrameResult look_again(Bytes in, const FrameRules& rules, Malformed error);

}  // namespace sallyport::mqtt
