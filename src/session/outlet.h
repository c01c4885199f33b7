#pragma once

#include "sallyport/outbox.h"

namespace sallyport {

/// What goes to one side. Packets that the gateway makes wait while the payload of a forwarded
/// packet is still streaming past, for bytes in the middle of a packet would corrupt it.
class Outlet final {
 public:
  /// A packet of the other side: its head, and how much payload will follow by stream(). `stable`:
  /// the bytes stay where they are until the end of the turn; otherwise they are copied.
  void forward(Bytes head, std::uint32_t payload_size, bool stable, Outbox& out) {
    stable ? out.reference(head) : out.copy(head);
    payload_left_ = payload_size;
  }
  /// The next bytes of that payload; they stay where they are until the end of the turn.
  void stream(Bytes payload, Outbox& out);
  /// The same for bytes that do not stay.
  void stream_copy(Bytes payload, Outbox& out);
  /// A whole packet of the gateway's own.
  void inject(Bytes packet, Outbox& out);

  /// A forwarded packet is on its way and not complete.
  [[nodiscard]] bool mid_packet() const { return payload_left_ != 0; }
  /// Bytes of own packets that wait.
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  [[nodiscard]] std::size_t memory() const { return queue_.capacity(); }

 private:
  void count(std::size_t payload, Outbox& out);

  Buffer queue_;
  std::uint32_t payload_left_ = 0;
};

}  // namespace sallyport
