#include "session/outlet.h"

namespace sallyport {

void Outlet::stream(Bytes payload, Outbox& out) {
  out.reference(payload);
  payload_left_ -= static_cast<std::uint32_t>(payload.size());
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
