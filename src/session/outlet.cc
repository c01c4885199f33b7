#include "session/outlet.h"

namespace sallyport {

void Outlet::stream(Bytes payload, Outbox& out) {
  out.reference(payload);
  count(payload.size(), out);
}

void Outlet::stream_copy(Bytes payload, Outbox& out) {
  out.copy(payload);
  count(payload.size(), out);
}

void Outlet::count(std::size_t payload, Outbox& out) {
  payload_left_ -= static_cast<std::uint32_t>(payload);
  if (payload_left_ == 0 && !queue_.empty()) {
    out.copy(queue_.bytes());
    queue_.release();
  }
}

void Outlet::inject(Bytes packet, Outbox& out) {
  if (mid_packet()) {
    queue_.append(packet);
  } else {
    out.copy(packet);
  }
}

}  // namespace sallyport
