#include "proxy/relay.h"

#include "proxy/failure.h"
#include "proxy/worker.h"
#include "transport/proxy_header.h"

namespace sallyport::proxy {

Relay::Relay(Worker& worker, std::size_t place, Door::Slot slot, const IpAddress& peer,
             Instant accepted)
    : worker_(worker),
      place_(place),
      listener_(worker.snapshot().listeners[place]),
      slot_(std::move(slot)),
      peer_(peer),
      client_(*this),
      broker_(*this),
      timer_(worker.timers(), *this),
      turn_(*this),
      accepted_(accepted) {}

Relay::~Relay() {
  if (lenient_.any()) worker_.events().on_lenient(listener_->name, lenient_, false);
  for (const Side side : {Side::client, Side::broker}) {
    if (is_slow(side)) worker_.events().on_backpressure(side, false);
  }
}

int Relay::start(net::Socket socket) {
  if (const int error = client_.stream.open(worker_.loop(), std::move(socket)); error != 0) {
    state_ = State::closing;
    return error;
  }
  if (listener_->proxy_protocol.empty()) {
    open_client(accepted_);
  } else {
    state_ = State::header;
    deadline_ = accepted_ + listener_->proxy_header_timeout;
    client_.layers.push(std::make_unique<transport::ProxyHeader>(listener_->max_proxy_header),
                        worker_.scratch(), worker_.outer(Side::client));
  }
  settle(accepted_);
  return 0;
}

void Relay::on_read(net::Stream& stream, Bytes bytes) {
  const Side side = side_of(stream);
  const Instant now = net::Loop::now();
  worker_.wire().received[static_cast<std::size_t>(side)] += bytes.size();
  if (side == Side::client) heard_ = true;
  read_ = true;
  heard_at_ = now;
  receive(side, bytes, now);
  settle(now);
}

/// Bytes of a side's socket, through its layers, to the session.
void Relay::receive(Side side, Bytes outer, Instant now) {
  Leg& of = leg(side);
  if (of.layers.empty()) {
    take(side, outer, now);
    return;
  }
  const auto fed = of.layers.feed(outer, worker_.scratch(), worker_.outer(side));
  if (fed.state == transport::Layer::State::open && of.ready) {
    take(side, fed.inner, now);
  } else {
    advance(side, fed, now);
  }
}

/// A read that did not leave the layers as they were: open, and known to be.
void Relay::advance(Side side, const transport::Stack::Fed& fed, Instant now) {
  using Layer = transport::Layer::State;
  Leg& of = leg(side);
  if (fed.state == Layer::failed) {
    // A session is not even begun where the handshake and a bad record came in one read: a layer
    // that failed vouches for nobody, so what it decrypted would be judged without a certificate.
    const transport::Failure why = of.layers.failure();
    lose(side, CloseKind::tls_error, why.check, why.text, now);
    return;
  }
  if (fed.state == Layer::passed) {
    transport::PeerFacts facts;
    of.layers.tell(facts);
    header_read(facts, of.layers.pop(fed.inner, worker_.scratch()), now);
    return;
  }
  if (!of.ready && of.layers.is_open()) opened(side, now);
  take(side, fed.inner, now);
  if (fed.state != Layer::peer_closed) return;
  if (of.ready) {
    of.ended = true;
  } else {
    lose(side, CloseKind::closed, side == Side::client ? Check::tls_closed : Check::broker_closed,
         "closed in the handshake", now);
  }
}

void Relay::take(Side side, Bytes inner, Instant now) {
  if (inner.empty() || state_ != State::running || !leg(side).ready) return;
  const std::size_t taken = feed(side, inner, now);
  if (taken == inner.size()) return;
  // Reading stops while bytes are kept, so there are none before these.
  leg(side).kept.append(inner.subspan(taken));
  leg(side).pauses |= kKept;
}

/// Lets the session decide as much as this side may still cost in this round. Returns how many
/// bytes it took.
std::size_t Relay::feed(Side side, Bytes inner, Instant now) {
  Leg& from = leg(side);
  adopt_policy_before_dial(now);
  if (const std::uint32_t round = worker_.loop().round(); from.round != round) {
    from.round = round;
    from.work = worker_.snapshot().turn.packets;
  }
  worker_.turn().work = from.work;
  if (mover == kNoMover) worker_.add_mover(*this);
  const std::size_t taken = session_->feed(side, inner, now, worker_.turn());
  from.work = worker_.turn().work;
  return taken;
}

void Relay::lose(Side side, CloseKind kind, Check check, std::string_view detail, Instant now) {
  if (state_ == State::closing) return;
  const Leg& lost = leg(side);
  if (state_ != State::running) {
    client_failed(check, now);
    return;
  }
  if (!lost.ready && !lost.layers.empty()) report_handshake(side, {}, check, now);
  if (worker_.turn().close) return;
  if (lost.ready && check == Check::stalled) {
    session_->stalled(side, now, worker_.turn());
  } else if (lost.ready) {
    session_->transport_closed(side, kind, detail, now, worker_.turn());
  } else {
    broker_failed(check, detail, now);
  }
}

void Relay::lose_socket(Side side, int error, Instant now) {
  const Check check = side == Side::client ? Check::tls_closed : broker_check(error);
  if (error == 0) {
    lose(side, CloseKind::closed, side == Side::client ? check : Check::broker_closed,
         "connection closed", now);
  } else {
    lose(side, CloseKind::network_error, check, net::describe(error), now);
  }
}

void Relay::on_end(net::Stream& stream, int error) {
  const Instant now = net::Loop::now();
  lose_socket(side_of(stream), error, now);
  settle(now);
}

void Relay::on_progress(net::Stream&) { settle(net::Loop::now()); }

void Relay::on_run(net::Task&) { settle(net::Loop::now()); }

void Relay::on_timer(Instant now) {
  if (state_ == State::closing) {
    abort();
    return;
  }
  if (state_ != State::running) {
    const Check check = state_ == State::header ? Check::proxy_timeout : Check::tls_timeout;
    if (now >= deadline_) lose(Side::client, CloseKind::connect_timeout, check, "timed out", now);
  } else if (now >= certified_) {
    check_certificate(now);
  } else if (now >= deadline_) {
    // The dialer keeps the same time; whichever is first, the answer is the same.
    ticket_.reset();
    lose(Side::broker, CloseKind::broker_unavailable, Check::broker_connect_timeout, "timed out",
         now);
  } else {
    session_->tick(now, worker_.turn());
    check_stall(Side::client, now);
    check_stall(Side::broker, now);
  }
  settle(now);
}

bool Relay::follow_policy() {
  if (state_ != State::running) return false;
  const Instant now = net::Loop::now();
  adopt_policy(now);
  settle(now);
  return true;
}

/// Asks whether a certificate counts, and sets when that has to be asked again.
tls::Standing Relay::judge_certificate(const Certificate* certificate, Instant now) {
  const auto wall = std::chrono::system_clock::now();
  const tls::Standing standing =
      worker_.door().shaken(*worker_.snapshot().listeners[place_], certificate, wall);
  // What lies further ahead than a timer can tell is looked at again before.
  constexpr Duration kFar = std::chrono::hours(24 * 365);
  certified_ = kNever;
  if (standing.good() && certificate != nullptr) {
    certified_ = now + (standing.until - wall < kFar
                            ? std::chrono::duration_cast<Duration>(standing.until - wall)
                            : kFar);
  }
  return standing;
}

/// Ends the session where its certificate counts no more.
void Relay::check_certificate(Instant now) {
  const Certificate* const certificate = session_->identity().certificate.get();
  // Whoever was let in without one stays: a listener that asks for one now asks newcomers.
  if (certificate == nullptr) return;
  const tls::Standing standing = judge_certificate(certificate, now);
  const bool dials = dialled_ != Instant{} && !broker_.ready;
  deadline_ = dials ? dial_deadline() : certified_;
  if (!standing.good()) session_->revoke(standing.failure.check, now, worker_.turn());
}

void Relay::adopt_policy(Instant now) {
  const policy::Policy::Ptr& newest = worker_.snapshot().policy;
  policy_ = newest.get();
  check_certificate(now);
  if (!worker_.turn().close) session_->set_policy(newest, now, worker_.turn());
}

/// A sweep brings the newest policy to live sessions; a CONNECT does not wait for it.
void Relay::adopt_policy_before_dial(Instant now) {
  if (dialled_ == Instant{} && policy_ != worker_.snapshot().policy.get()) adopt_policy(now);
}

void Relay::tell_moved() const {
  if (state_ == State::running) worker_.events().on_moved(session_->who(), session_->tally());
}

bool Relay::fits(const SessionFilter& filter) const {
  return state_ == State::running && filter.fits(id_, session_->identity());
}

SessionRow Relay::row() const {
  return {.id = id_,
          .identity = session_->identity(),
          .since = accepted_,
          .tally = session_->tally(),
          .queue = {client_.stream.pending(), broker_.stream.pending()}};
}

void Relay::end(Check why, mqtt::ReasonCode reason) {
  const Instant now = net::Loop::now();
  session_->end(why, reason, now, worker_.turn());
  settle(now);
}

void Relay::shut_down() {
  const Instant now = net::Loop::now();
  if (state_ == State::running) {
    session_->shut_down(now, worker_.turn(), worker_.snapshot().server_reference);
  } else if (state_ != State::closing) {
    begin_close(now);
  }
  settle(now);
}

bool Relay::is_busy() const {
  switch (state_) {
    case State::header:
    case State::handshaking:
      return heard_;
    case State::running:
      return session_->is_busy() || client_.stream.pending() + broker_.stream.pending() != 0 ||
             ((client_.pauses | broker_.pauses) & kKept) != 0;
    case State::closing:
      break;
  }
  return false;
}

void Relay::abort() {
  state_ = State::closing;
  wait_for_nobody();
  timer_.set(kNever);
  turn_.cancel();
  client_.stream.close();
  broker_.stream.close();
}

bool Relay::is_closed() const { return client_.stream.is_closed() && broker_.stream.is_closed(); }

void Relay::on_closed(net::Stream&) {
  count_wire();
  if (is_closed()) worker_.remove(*this);  // deletes this
}

}  // namespace sallyport::proxy
