#pragma once

#include "sallyport/framer.h"

namespace sallyport {

/// Turns the bytes of one side into frames and payload. A frame that lies whole in the input is
/// looked at where it is; only a head that the input cuts is gathered here, and what may be
/// gathered is bounded by FrameRules::max_head.
class Inlet final {
 public:
  struct Step {
    enum class Kind : std::uint8_t { frame, payload, need_more, malformed };
    Kind kind = Kind::need_more;
    std::size_t taken = 0;    // bytes of the input that this step used up
    mqtt::Frame frame;        // Kind::frame; valid until finish()
    bool gathered = false;    // Kind::frame: `frame` lies in this object, not in the input
    Bytes payload;            // Kind::payload
    bool forward = false;     // Kind::payload: as finish() was told
    mqtt::Malformed error{};  // Kind::malformed
  };

  /// The next step for input that is not empty. After a frame, call finish() or put_back().
  [[nodiscard]] Step next(Bytes in, const mqtt::FrameRules& rules);

  /// The frame has been dealt with; the payload behind it is to be forwarded or skipped.
  void finish(std::uint32_t payload_size, bool forward);
  /// The frame was not dealt with: the bytes that the step took will be fed again.
  void put_back();

  /// Inside a payload: the next bytes belong to a packet that was decided already.
  [[nodiscard]] bool mid_packet() const { return payload_left_ != 0; }
  /// Bytes owned.
  [[nodiscard]] std::size_t memory() const { return held_.capacity(); }
  /// Overwrites what was gathered: it may hold a password.
  void wipe() { held_.wipe(); }

 private:
  Buffer held_;                  // the cut head, from its first byte
  std::size_t held_before_ = 0;  // its size before the last step
  std::size_t needed_ = 0;       // size at which asking the framer again makes sense
  std::uint32_t payload_left_ = 0;
  bool forward_ = false;
};

}  // namespace sallyport
