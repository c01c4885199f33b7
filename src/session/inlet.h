#pragma once

#include <algorithm>

#include "sallyport/framer.h"

namespace sallyport {

/// Turns the bytes of one side into frames and payload. A frame that lies whole in the input is
/// looked at where it is; only a head that the input cuts is gathered here, and what may be
/// gathered is bounded by FrameRules::max_head.
class Inlet final {
 public:
  struct Step {
    enum class Kind : std::uint8_t { frame, need_more, malformed };
    Kind kind = Kind::need_more;
    bool gathered = false;    // Kind::frame: the frame lies in this object, not in the input
    std::size_t taken = 0;    // bytes of the input that this step used up
    mqtt::FrameResult found;  // its frame (valid until finish()), or its error
  };
  /// Bytes of the payload behind the last frame.
  struct Payload {
    Bytes bytes;
    bool forward;  // as finish() was told
  };

  /// The next step for input that is not empty. After a frame, call finish() or put_back(). Not in
  /// the middle of a packet.
  [[nodiscard]] Step next(Bytes in, const mqtt::FrameRules& rules);

  /// The frame has been dealt with; the payload behind it is to be forwarded or skipped.
  void finish(std::uint32_t payload_size, bool forward) {
    if (held_.capacity() != 0) held_.release();
    payload_left_ = payload_size;
    forward_ = forward;
  }
  /// The frame was not dealt with: the bytes that the step took will be fed again.
  void put_back();

  /// Inside a payload: the next bytes belong to a packet that was decided already.
  [[nodiscard]] bool mid_packet() const { return payload_left_ != 0; }
  /// What of the input belongs to that payload.
  [[nodiscard]] Payload take_payload(Bytes in) {
    const std::size_t n = std::min<std::size_t>(payload_left_, in.size());
    payload_left_ -= static_cast<std::uint32_t>(n);
    return {in.first(n), forward_};
  }

  /// The beginning of a head is here, and the rest of it comes next.
  [[nodiscard]] bool gathering() const { return !held_.empty(); }
  /// Bytes owned.
  [[nodiscard]] std::size_t memory() const { return held_.capacity(); }
  /// Overwrites what was gathered: it may hold a password.
  void wipe() { held_.wipe(); }

 private:
  [[nodiscard]] Step gather(Bytes in, const mqtt::FrameRules& rules);

  Buffer held_;                  // the cut head, from its first byte
  std::size_t held_before_ = 0;  // its size before the last step
  std::size_t needed_ = 0;       // size at which asking the framer again makes sense
  std::uint32_t payload_left_ = 0;
  bool forward_ = false;
};

}  // namespace sallyport
