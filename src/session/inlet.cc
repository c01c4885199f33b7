#include "session/inlet.h"

namespace sallyport {

using mqtt::FrameResult;

Inlet::Step Inlet::next(Bytes in, const mqtt::FrameRules& rules) {
  if (!held_.empty()) return gather(in, rules);
  held_before_ = 0;
  Step step{.found = mqtt::next_frame(in, rules)};
  if (step.found.status == FrameResult::Status::frame) {
    step.kind = Step::Kind::frame;
    step.taken = step.found.frame.head.size();
  } else if (step.found.status == FrameResult::Status::need_more) {
    held_.append(in);
    needed_ = step.found.needed;
    step.taken = in.size();
  } else {
    step.kind = Step::Kind::malformed;
  }
  return step;
}

/// Takes no more than the framer asks for: what lies behind this head stays in the input, where it
/// need not be copied.
Inlet::Step Inlet::gather(Bytes in, const mqtt::FrameRules& rules) {
  Step step;
  held_before_ = held_.size();
  do {
    if (held_.size() < needed_) {
      const std::size_t n = std::min(needed_ - held_.size(), in.size() - step.taken);
      held_.append(in.subspan(step.taken, n));
      step.taken += n;
      if (held_.size() < needed_) return step;
    }
    step.found = mqtt::next_frame(held_.bytes(), rules);
    needed_ = step.found.needed;
  } while (step.found.status == FrameResult::Status::need_more);
  step.gathered = true;
  step.kind =
      step.found.status == FrameResult::Status::frame ? Step::Kind::frame : Step::Kind::malformed;
  return step;
}

void Inlet::put_back() {
  held_.truncate(held_before_);
  needed_ = held_before_;  // makes next() ask the framer again
}

}  // namespace sallyport
