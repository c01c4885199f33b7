#include <algorithm>
#include <utility>

#include "proxy/relay.h"
#include "proxy/worker.h"

namespace sallyport::proxy {

void Relay::settle(Instant now) {
  Turn& turn = worker_.turn();
  if (state_ == State::running) {
    do {
      if (turn.authenticate) {
        turn.authenticate = false;
        authenticate(now);  // which may end the session
      }
      flush(now);
      if (turn.close) {
        begin_close(now);
        break;
      }
      if (turn.dial) {
        turn.dial = false;
        dial(now);
      }
      watch_pending(now);
    } while (is_owed() && (resume(now) || end_of_layers(now)));
  } else if (state_ != State::closing) {
    if (const int error = write(Side::client); error != 0) {
      lose_socket(Side::client, error, now);
    }
  }
  turn.clear();
  if (state_ != State::closing) update_reading();
  if (state_ != State::closing) set_timer();
  if (waits_for_turn()) {
    worker_.loop().enqueue(turn_);
  } else {
    turn_.cancel();
  }
  count_wire();
  report_turn(now);
}

void Relay::set_timer() {
  Instant wake = std::min(deadline_, std::min(client_.stall_at, broker_.stall_at));
  if (state_ == State::running) wake = std::min(wake, session_->wake_at());
  timer_.set(wake);
}

/// Sends what the turn holds for both sides. Where a socket turns out to be dead, the session is
/// told, and what it says to that is sent too.
void Relay::flush(Instant now) {
  bool lost = false;
  const bool last = worker_.turn().close.has_value();
  for (const Side side : {Side::broker, Side::client}) {
    if (!last && !has_output(side)) continue;
    const int error = write(side);
    if (error == 0) continue;
    leg(side).stream.close();
    lose_socket(side, error, now);
    lost = true;
  }
  // A closed stream takes no bytes and has no errors, so this ends.
  if (lost) flush(now);
}

bool Relay::has_output(Side side) {
  return !worker_.turn().to(side).empty() ||
         (!leg(side).layers.empty() && !worker_.outer(side).empty());
}

/// One write of all that the turn and the layers have for a side.
int Relay::write(Side side) {
  Leg& to = leg(side);
  Outbox& out = worker_.turn().to(side);
  const bool last = worker_.turn().close || state_ == State::closing;
  int error = 0;
  if (!to.layers.empty()) {
    Buffer& outer = worker_.outer(side);
    if (to.ready && !out.empty()) to.layers.send(out.segments(), worker_.scratch(), outer);
    if (last) to.layers.close(worker_.scratch(), outer);
    if (!outer.empty() && to.stream.is_open()) {
      const Bytes bytes = outer.bytes();
      error = to.stream.write({&bytes, 1});
    }
    outer.clear();
  } else if (!out.empty() && to.stream.is_open()) {
    error = to.stream.write(out.segments());
  }
  out.clear();
  return error;
}

/// A side becomes slow, or is no longer.
void Relay::watch_pending(Instant now) {
  // Nearly always nobody is slow, nor was.
  if (client_.stream.pending() + broker_.stream.pending() == 0 &&
      ((client_.pauses | broker_.pauses) & (kOtherSlow | kChoked)) == 0) {
    return;
  }
  for (const Side side : {Side::client, Side::broker}) {
    Leg& of = leg(side);
    const std::size_t pending = of.stream.pending();
    const bool slow = is_slow(side);
    if (!slow && pending >= listener_->flow.high_water) {
      pause(other(side), kOtherSlow, true, now);
      of.drained = of.stream.drained();
      of.stall_at = now + listener_->stall_timeout;
      worker_.events().on_backpressure(side, true);
    } else if (slow && pending <= listener_->flow.low_water) {
      pause(other(side), kOtherSlow, false, now);
      pause(side, kChoked, false, now);
      of.stall_at = kNever;
      worker_.events().on_backpressure(side, false);
    }
    if (pending >= listener_->flow.choke_water) pause(side, kChoked, true, now);
  }
}

/// Has a slow side moved since this was looked at?
void Relay::check_stall(Side side, Instant now) {
  Leg& of = leg(side);
  if (now < of.stall_at) return;
  const std::uint64_t drained = of.stream.drained();
  of.stall_at = now + listener_->stall_timeout;
  if (drained == of.drained) {
    of.stream.close();
    lose(side, CloseKind::network_error, Check::stalled, "takes no bytes", now);
  }
  of.drained = drained;
}

void Relay::pause(Side side, std::uint8_t reasons, bool on, Instant now) {
  Leg& of = leg(side);
  const bool was = (of.pauses & (kOtherSlow | kChoked)) != 0;
  of.pauses = static_cast<std::uint8_t>(on ? of.pauses | reasons : of.pauses & ~reasons);
  const bool is = (of.pauses & (kOtherSlow | kChoked)) != 0;
  // The session knows its own reasons; these two are not the client's fault.
  if (was != is) session_->set_reading(side, !is, now);
}

/// May there be work left that no event will bring?
bool Relay::is_owed() const {
  return ((client_.pauses | broker_.pauses) & kKept) != 0 || client_.ended || broker_.ended;
}

/// Is there something left that the session would take, had this round not been used up?
bool Relay::waits_for_turn() {
  if (state_ != State::running || ((client_.pauses | broker_.pauses) & kKept) == 0) return false;
  return (client_.pauses == kKept && session_->paused(Side::client) == 0) ||
         (broker_.pauses == kKept && session_->paused(Side::broker) == 0);
}

/// Feeds the session what was kept, where it takes it again. True: something was fed, so the turn
/// goes on. Bytes that were decrypted raise no read event: this is the only way to them.
bool Relay::resume(Instant now) {
  bool fed = false;
  for (const Side side : {Side::client, Side::broker}) {
    Leg& from = leg(side);
    if (from.pauses != kKept || worker_.turn().close || session_->paused(side) != 0) continue;
    const Bytes kept = from.kept.bytes().subspan(from.kept_from);
    const std::size_t taken = feed(side, kept, now);
    if (taken == 0) continue;
    fed = true;
    if (taken == kept.size()) {
      flush(now);  // the turn may refer to the kept bytes
      from.kept.release();
      from.kept_from = 0;
      from.pauses &= static_cast<std::uint8_t>(~kKept);
    } else {
      from.kept_from += static_cast<std::uint32_t>(taken);
    }
  }
  return fed;
}

/// A layer said that no more bytes come, and the last of them have been fed.
bool Relay::end_of_layers(Instant now) {
  bool ended = false;
  for (const Side side : {Side::client, Side::broker}) {
    Leg& from = leg(side);
    if (!from.ended || (from.pauses & kKept) != 0) continue;
    from.ended = false;
    lose(side, CloseKind::closed, side == Side::client ? Check::tls_closed : Check::broker_closed,
         "close_notify", now);
    ended = true;
  }
  return ended;
}

void Relay::update_reading() {
  for (const Side side : {Side::client, Side::broker}) {
    Leg& from = leg(side);
    if (from.stream.is_reading() == (from.pauses == 0) || !from.stream.is_open()) continue;
    if (from.pauses != 0) {
      from.stream.stop_reading();
    } else if (from.stream.start_reading() != 0) {
      // No memory for the descriptor. Nothing would ever come from here, so the relay ends.
      abort();
      return;
    }
  }
}

void Relay::begin_close(Instant now) {
  state_ = State::closing;
  wait_for_nobody();
  Duration limit = listener_->flow.linger;
  for (const Side side : {Side::client, Side::broker}) {
    Leg& of = leg(side);
    // Before there is a session nobody else sends the alert that a layer may have left.
    if (write(side) != 0) of.stream.close();
    if (of.stream.pending() != 0) limit = listener_->flow.flush_time;
    of.kept.release();
    of.stream.finish(listener_->flow.discard);
  }
  timer_.set(now + limit);
}

/// Nobody is to answer any more: neither authenticator nor dialer.
void Relay::wait_for_nobody() {
  login_.reset();
  ticket_.reset();
}

void Relay::count_wire() {
  WireBytes& wire = worker_.wire();
  for (const Side side : {Side::client, Side::broker}) {
    Leg& of = leg(side);
    const auto at = static_cast<std::size_t>(side);
    wire.sent[at] += of.stream.take_sent();
    const std::size_t pending = of.stream.pending();
    if (pending == of.counted_queue) continue;
    wire.queued[at] +=
        static_cast<std::int64_t>(pending) - static_cast<std::int64_t>(of.counted_queue);
    of.counted_queue = pending;
  }
}

/// What the gateway itself adds to a message is the time from reading it to the end of the turn.
void Relay::report_turn(Instant began) {
  if (!std::exchange(read_, false) || !session_ || !worker_.samples_turn()) return;
  worker_.events().on_turn(net::Loop::now() - began);
}

}  // namespace sallyport::proxy
