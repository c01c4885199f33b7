#pragma once

#include <cstdint>
#include <optional>

#include "sallyport/mqtt.h"
#include "sallyport/time.h"

namespace sallyport {

/// Measures how long the broker takes to answer, one packet of a session at a time and ten
/// PUBLISHes a second: what is sent while an answer is awaited, and a PUBLISH soon behind what was
/// followed, is not. So it costs two comparisons for each packet and 16 bytes for each session,
/// whatever is in flight.
class AnswerClock final {
 public:
  /// Something that `answer` with this identifier will answer was sent to the broker. An answer
  /// that never comes is given up for the next question behind kPatience. Nothing is followed that
  /// comes sooner than `pause` behind what was followed last.
  void asked(mqtt::PacketType answer, std::uint16_t packet_id, Instant now,
             Duration pause = Duration::zero()) {
    if (now < since_ + (answer_ == mqtt::PacketType::reserved ? pause : kPatience)) return;
    answer_ = answer;
    packet_id_ = packet_id;
    since_ = now;
  }
  /// A PUBLISH of any kind; QoS 0 is not answered.
  template <typename Publish>
  void asked(const Publish& publish, Instant now) {
    if (publish.qos == 0) return;
    asked(publish.qos == 1 ? mqtt::PacketType::puback : mqtt::PacketType::pubrec, publish.packet_id,
          now, kPause);
  }
  /// An answer of the broker's. Returns how long it took if it is the one that is awaited.
  [[nodiscard]] std::optional<Duration> answered(mqtt::PacketType answer, std::uint16_t packet_id,
                                                 Instant now) {
    if (packet_id != packet_id_ || answer != answer_) return std::nullopt;
    answer_ = mqtt::PacketType::reserved;
    return now - since_;
  }

 private:
  static constexpr Duration kPatience = std::chrono::minutes(1);
  static constexpr Duration kPause = std::chrono::milliseconds(100);

  Instant since_ = Instant::min() + kPatience;
  std::uint16_t packet_id_ = 0;
  mqtt::PacketType answer_ = mqtt::PacketType::reserved;  // none is awaited
};

}  // namespace sallyport
