#include "session/inlet.h"

#include <algorithm>

namespace sallyport {

using mqtt::FrameResult;

Inlet::Step Inlet::next(Bytes in, const mqtt::FrameRules& rules) {
  Step step;
  if (payload_left_ != 0) {
    step.kind = Step::Kind::payload;
    step.taken = std::min<std::size_t>(payload_left_, in.size());
    step.payload = in.first(step.taken);
    step.forward = forward_;
    payload_left_ -= static_cast<std::uint32_t>(step.taken);
    return step;
  }

  held_before_ = held_.size();
  FrameResult result;
  if (held_.empty()) {
    result = mqtt::next_frame(in, rules);
    if (result.status == FrameResult::Status::need_more) {
      held_.append(in);
      needed_ = result.needed;
      step.taken = in.size();
      return step;
    }
    step.taken = result.frame.head.size();
  } else {
    // Take no more than the framer asks for: what lies behind this head stays in the input, where
    // it need not be copied.
    do {
      if (held_.size() < needed_) {
        const std::size_t n = std::min(needed_ - held_.size(), in.size() - step.taken);
        held_.append(in.subspan(step.taken, n));
        step.taken += n;
        if (held_.size() < needed_) return step;
      }
      result = mqtt::next_frame(held_.bytes(), rules);
      needed_ = result.needed;
    } while (result.status == FrameResult::Status::need_more);
    step.gathered = true;
  }

  if (result.status == FrameResult::Status::frame) {
    step.kind = Step::Kind::frame;
    step.frame = result.frame;
  } else {
    step.kind = Step::Kind::malformed;
    step.frame.header = result.frame.header;
    step.error = result.error;
  }
  return step;
}

void Inlet::finish(std::uint32_t payload_size, bool forward) {
  if (held_.capacity() != 0) held_.release();
  payload_left_ = payload_size;
  forward_ = forward;
}

void Inlet::put_back() {
  held_.truncate(held_before_);
  needed_ = held_before_;  // makes next() ask the framer again
}

}  // namespace sallyport
