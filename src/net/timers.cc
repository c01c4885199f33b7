#include "net/timers.h"

#include <algorithm>

namespace sallyport::net {

namespace {

constexpr Duration kMillisecond = std::chrono::milliseconds(1);
// libuv counts in milliseconds; a far deadline is simply looked at again after an hour.
constexpr std::int64_t kLongest = 3'600'000;
}  // namespace

Timers::~Timers() {
  for (const Slot& slot : heap_) slot.timer->index_ = Timer::kNotQueued;
}

int Timers::open(Loop& loop) {
  if (const int error = uv_timer_init(loop.native(), &timer_); error != 0) return error;
  timer_.data = this;
  open_ = true;
  return 0;
}

void Timers::close() {
  if (!open_) return;
  open_ = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
}

void Timers::fire(Instant now) {
  firing_ = true;
  // Bounded: a handler that asks for a time in the past must not keep the loop from its sockets.
  for (std::size_t budget = heap_.size(); budget != 0; --budget) {
    if (heap_.empty() || heap_.front().at > now) break;
    Timer& timer = *heap_.front().timer;
    if (timer.at_ > now) {
      // It was moved later, or to kNever, since it was queued.
      if (timer.at_ == kNever) {
        remove(0);
      } else {
        sift_down(0, Slot{timer.at_, &timer});
      }
      continue;
    }
    remove(0);
    timer.at_ = kNever;
    timer.handler_.on_timer(now);  // may destroy the timer
  }
  firing_ = false;
  arm(now);
}

void Timers::arm(Instant now) {
  if (!open_) return;
  if (heap_.empty()) {
    armed_ = kNever;
    uv_timer_stop(&timer_);
    return;
  }
  armed_ = heap_.front().at;
  // Rounded up, so that it does not fire early and spin until the millisecond is over.
  const std::int64_t wait =
      armed_ <= now
          ? 0
          : std::min((armed_ - now + kMillisecond - Duration(1)) / kMillisecond, kLongest);
  uv_update_time(timer_.loop);
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { static_cast<Timers*>(handle->data)->fire(Loop::now()); },
      static_cast<std::uint64_t>(wait), 0);
}

void Timers::push(Timer& timer, Instant at) {
  heap_.push_back({});
  sift_up(heap_.size() - 1, Slot{at, &timer});
}

void Timers::remove(std::size_t index) {
  heap_[index].timer->index_ = Timer::kNotQueued;
  const Slot last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  // The one that takes the place may belong further up or further down.
  if (index != 0 && last.at < heap_[(index - 1) / 2].at) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
  }
}

void Timers::place(std::size_t index, Slot slot) {
  heap_[index] = slot;
  slot.timer->index_ = static_cast<std::uint32_t>(index);
}

void Timers::sift_up(std::size_t index, Slot slot) {
  while (index != 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent].at <= slot.at) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, slot);
}

void Timers::sift_down(std::size_t index, Slot slot) {
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (slot.at <= heap_[child].at) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, slot);
}

Timer::~Timer() {
  if (index_ != kNotQueued) timers_.remove(index_);
}

void Timer::set(Instant at) {
  at_ = at;
  if (index_ == kNotQueued) {
    if (at == kNever) return;
    timers_.push(*this, at);
  } else if (at < timers_.heap_[index_].at) {
    timers_.sift_up(index_, {at, this});
  } else {
    return;
  }
  // fire() arms once, when all handlers have had their turn.
  if (!timers_.firing_ && timers_.next() < timers_.armed_) timers_.arm(Loop::now());
}

}  // namespace sallyport::net
