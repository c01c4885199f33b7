#include <algorithm>

#include "proxy/relay.h"
#include "proxy/worker.h"

namespace sallyport::proxy {

void Relay::settle(Instant now) {
  Turn& turn = worker_.turn();
  if (state_ == State::running) {
    do {
      flush(now);
      if (turn.close) {
        begin_close(now);
        break;
      }
      if (turn.dial) {
        turn.dial = false;
        dial(now);
      }
      watch_pending();
    } while (resume(now) || end_of_tls(now));
  } else if (state_ == State::handshaking) {
    if (const int error = write(Side::client); error != 0) {
      lose(Side::client, CloseKind::network_error, net::describe(error), now);
    }
  }
  turn.clear();
  if (state_ != State::closing) update_reading(now);
  if (state_ != State::closing) {
    timer_.set(state_ == State::running ? std::min(deadline_, session_->wake_at()) : deadline_);
  }
  report_wire();
}

/// Sends what the turn holds for both sides. Where a socket turns out to be dead, the session is
/// told, and what it says to that is sent too.
void Relay::flush(Instant now) {
  bool lost = false;
  for (const Side side : {Side::broker, Side::client}) {
    const int error = write(side);
    if (error == 0) continue;
    leg(side).stream.close();
    lose(side, CloseKind::network_error, net::describe(error), now);
    lost = true;
  }
  // A closed stream takes no bytes and has no errors, so this ends.
  if (lost) flush(now);
}

/// One write of all that the turn and TLS have for a side.
int Relay::write(Side side) {
  Leg& to = leg(side);
  Outbox& out = worker_.turn().to(side);
  int error = 0;
  if (to.tls != nullptr) {
    Buffer& cipher = worker_.cipher(side);
    if (to.ready && !out.empty()) (void)to.tls->send(out.segments(), cipher);
    if (worker_.turn().close || state_ == State::closing) to.tls->close(cipher);
    if (!cipher.empty() && to.stream.is_open()) {
      const Bytes bytes = cipher.bytes();
      error = to.stream.write({&bytes, 1});
    }
    cipher.clear();
  } else if (!out.empty() && to.stream.is_open()) {
    error = to.stream.write(out.segments());
  }
  out.clear();
  return error;
}

/// A side becomes slow, or is no longer.
void Relay::watch_pending() {
  for (const Side side : {Side::client, Side::broker}) {
    Leg& of = leg(side);
    const std::size_t pending = of.stream.pending();
    if (pending == 0 && !of.slow) continue;
    if (!of.slow && pending >= kHighWater) {
      of.slow = true;
      worker_.events().on_backpressure(side, true);
    } else if (of.slow && pending <= kLowWater) {
      of.slow = of.choked = false;
      worker_.events().on_backpressure(side, false);
    }
    if (pending >= kChokeWater) of.choked = true;
  }
}

/// Feeds the session what was kept, where it takes it again. True: something was fed, so the turn
/// goes on. Bytes that were decrypted raise no read event: this is the only way to them.
bool Relay::resume(Instant now) {
  bool fed = false;
  for (const Side side : {Side::client, Side::broker}) {
    Leg& from = leg(side);
    if (from.kept.empty() || worker_.turn().close || worker_.turn().dial) continue;
    if (from.choked || leg(other(side)).slow || session_->paused(side) != 0) continue;
    const std::size_t taken = session_->feed(side, from.kept.bytes(), now, worker_.turn());
    if (taken == 0) continue;
    // The turn may refer to the kept bytes.
    flush(now);
    from.kept.consume(taken);
    if (from.kept.empty()) from.kept.release();
    fed = true;
  }
  return fed;
}

/// TLS said that no more bytes come, and the last of them have been fed.
bool Relay::end_of_tls(Instant now) {
  bool ended = false;
  for (const Side side : {Side::client, Side::broker}) {
    Leg& from = leg(side);
    if (!from.ended || !from.kept.empty()) continue;
    from.ended = false;
    lose(side, CloseKind::closed, "close_notify", now);
    ended = true;
  }
  return ended;
}

/// A side is read unless bytes of it are kept (the session takes no more now), or the other side
/// is slow, or the side itself is choked.
void Relay::update_reading(Instant now) {
  for (const Side side : {Side::client, Side::broker}) {
    Leg& from = leg(side);
    if (!from.stream.is_open()) continue;
    const bool held = from.choked || leg(other(side)).slow;
    if (held != from.held) {
      from.held = held;
      if (session_) session_->set_reading(side, !held, now);
    }
    if (held || !from.kept.empty()) {
      from.stream.stop_reading();
    } else if (const int error = from.stream.start_reading(); error != 0) {
      // Out of memory for a descriptor's slot. on_end() cannot come, so the relay ends here.
      abort();
    }
  }
}

void Relay::begin_close(Instant now) {
  state_ = State::closing;
  connector_.reset();
  Duration limit = kLinger;
  for (const Side side : {Side::client, Side::broker}) {
    Leg& of = leg(side);
    // Before there is a session nobody else sends the alert that TLS may have left.
    if (write(side) != 0) of.stream.close();
    if (of.stream.pending() != 0) limit = kFlushTime;
    of.kept.release();
    of.stream.finish();
  }
  timer_.set(now + limit);
}

void Relay::report_wire() {
  for (const Side side : {Side::client, Side::broker}) {
    Worker::Wire& wire = worker_.wire(side);
    wire.sent += leg(side).stream.take_sent();
    if (wire.received == 0 && wire.sent == 0) continue;
    worker_.events().on_wire_bytes(side, wire.received, wire.sent);
    wire = {};
  }
}

}  // namespace sallyport::proxy
