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
    bool gathered = false;    // the frame lies in this object, not in the input
    std::size_t taken = 0;    // bytes of the input that this step used up
    Bytes behind;             // what lies behind the frame's head, in the same memory
    mqtt::FrameResult found;  // a frame is valid until finish(). Of a broker's also odd and wrong
  };
  /// Bytes of the payload behind the last frame.
  struct Payload {
    Bytes bytes;
    bool forward;  // as finish() was told
  };

  /// The next step for input that is not empty. After a frame, call finish(), put_back() or hold().
  /// Not in the middle of a packet.
  [[nodiscard]] Step next(Bytes in, const mqtt::FrameRules& rules);

  /// The frame has been dealt with; `payload_size` bytes that come behind it are to be forwarded or
  /// skipped.
  void finish(std::uint32_t payload_size, bool forward) {
    if (held_.capacity() != 0) release();
    payload_left_ = payload_size;
    forward_ = forward;
  }
  /// The frame was not dealt with: the bytes that the step took will be fed again.
  void put_back();
  /// The frame was not dealt with: its payload has to be seen first. The next frame will be the
  /// same one, with all of its payload in Step::behind. Takes the memory for that at once.
  void hold(const mqtt::Frame& frame);
  /// Returns the bytes of the packet that is held; returns 0 if none is.
  [[nodiscard]] std::size_t held() const { return holding_ ? needed_ : 0; }

  /// Inside a payload: the next bytes belong to a packet that was decided already.
  [[nodiscard]] bool mid_packet() const { return payload_left_ != 0; }
  /// Takes what belongs to that payload from the input.
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
  void release() {
    held_.release();
    holding_ = false;
  }

  Buffer held_;                    // the cut head, from its first byte
  std::uint32_t held_before_ = 0;  // its size before the last step
  std::uint32_t needed_ = 0;       // size at which asking the framer again makes sense
  std::uint32_t payload_left_ = 0;
  bool forward_ = false;
  bool holding_ = false;  // held_ is to become the packet of `needed_` bytes
};

}  // namespace sallyport
