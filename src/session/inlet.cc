#include "session/inlet.h"

namespace sallyport {

using mqtt::FrameResult;

namespace {

/// A packet has 268,435,460 bytes at most, so everything that is counted here fits. 2.2.3 (3.1.1)
std::uint32_t count(std::size_t bytes) { return static_cast<std::uint32_t>(bytes); }

/// What next_frame() refuses of a broker may have to cost that packet only. Apart, so that nothing
/// else pays for it.
[[gnu::noinline]] void look_again(Bytes in, const mqtt::FrameRules& rules, FrameResult& found) {
  if (rules.from == Side::broker) found = mqtt::look_again(in, rules, found.error);
}

}  // namespace

Inlet::Step Inlet::next(Bytes in, const mqtt::FrameRules& rules) {
  if (!held_.empty()) return gather(in, rules);
  held_before_ = 0;
  Step step;
  step.found = mqtt::next_frame(in, rules);
  if (step.found.is_refused()) look_again(in, rules, step.found);
  if (step.found.has_frame()) {
    step.taken = step.found.frame.head.size();
    step.behind = in.subspan(step.taken);
  } else if (step.found.status == FrameResult::Status::need_more) {
    held_.append(in);
    needed_ = count(step.found.needed);
    step.taken = in.size();
  }
  return step;
}

/// Takes no more than the framer asks for: what lies behind this head stays in the input, where it
/// need not be copied.
Inlet::Step Inlet::gather(Bytes in, const mqtt::FrameRules& rules) {
  Step step;
  held_before_ = count(held_.size());
  do {
    if (held_.size() < needed_) {
      const std::size_t n = std::min(needed_ - held_.size(), in.size() - step.taken);
      held_.append(in.subspan(step.taken, n));
      step.taken += n;
      if (held_.size() < needed_) return step;
    }
    step.found = mqtt::next_frame(held_.bytes(), rules);
    if (step.found.is_refused()) look_again(held_.bytes(), rules, step.found);
    // Of a frame the framer needs no more; what hold() asked for stays asked for.
    if (step.found.status == FrameResult::Status::need_more) needed_ = count(step.found.needed);
  } while (step.found.status == FrameResult::Status::need_more);
  step.gathered = true;
  if (step.found.has_frame()) {
    step.behind = held_.bytes().subspan(step.found.frame.head.size());
  }
  return step;
}

void Inlet::put_back() {
  held_.truncate(held_before_);
  needed_ = held_before_;  // makes next() ask the framer again
  holding_ = false;
}

void Inlet::hold(const mqtt::Frame& frame) {
  needed_ = count(frame.header.total());
  holding_ = true;
  if (held_.empty()) {
    static_cast<void>(held_.prepare(needed_));
    held_.append(frame.head);
  } else {
    static_cast<void>(held_.prepare(needed_ - held_.size()));
  }
}

}  // namespace sallyport
