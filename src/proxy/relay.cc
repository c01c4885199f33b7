#include "proxy/relay.h"

#include "proxy/failure.h"
#include "proxy/worker.h"

namespace sallyport::proxy {

namespace {
// A broker's host that vanished without a word is noticed by the kernel; clients have keep-alive.
constexpr unsigned kBrokerKeepAliveSeconds = 60;
}  // namespace

Relay::Relay(Worker& worker, std::shared_ptr<const ListenerSettings> listener,
             ConnectionCount::Slot slot, const net::Address& peer, Instant accepted)
    : worker_(worker),
      listener_(std::move(listener)),
      slot_(std::move(slot)),
      peer_(peer),
      client_(*this),
      broker_(*this),
      timer_(worker.timers(), *this),
      accepted_(accepted) {}

Relay::~Relay() = default;

int Relay::start(net::Socket socket) {
  if (const int error = client_.stream.open(worker_.loop(), std::move(socket)); error != 0) {
    state_ = State::closing;
    return error;
  }
  if (listener_->tls != nullptr) {
    client_.tls = std::make_unique<tls::Engine>(listener_->tls);
    deadline_ = accepted_ + listener_->session.bounds.connect_timeout;
  } else {
    begin_session();
  }
  settle(accepted_);
  return 0;
}

void Relay::on_read(net::Stream& stream, Bytes bytes) {
  const Side side = side_of(stream);
  const Instant now = net::Loop::now();
  worker_.wire().received[static_cast<std::size_t>(side)] += bytes.size();
  if (leg(side).tls != nullptr) {
    decrypt(side, bytes, now);
  } else {
    take(side, bytes, now);
  }
  settle(now);
}

void Relay::decrypt(Side side, Bytes bytes, Instant now) {
  tls::Engine& engine = *leg(side).tls;
  Buffer& plain = worker_.plain();
  const auto before = engine.state();
  plain.clear();
  const auto after = engine.feed(bytes, plain, worker_.cipher(side));
  if (after == tls::Engine::State::failed) {
    // A session is not even begun where the handshake and a bad record came in one read: an engine
    // that failed vouches for no certificate, so what it decrypted would be judged without one.
    lose(side, CloseKind::tls_error, engine.failure(), engine.error(), now);
    return;
  }
  if (before == tls::Engine::State::handshaking && !engine.version().empty()) handshaken(side, now);
  take(side, plain.bytes(), now);
  if (after == tls::Engine::State::peer_closed) leg(side).ended = true;
}

void Relay::take(Side side, Bytes plain, Instant now) {
  if (plain.empty() || state_ != State::running || !leg(side).ready) return;
  const std::size_t taken = session_->feed(side, plain, now, worker_.turn());
  if (taken == plain.size()) return;
  // Reading stops while bytes are kept, so there are none before these.
  leg(side).kept.append(plain.subspan(taken));
  leg(side).pauses |= kKept;
}

void Relay::handshaken(Side side, Instant now) {
  const Instant since = side == Side::client ? accepted_ : dialled_;
  worker_.events().on_handshake({.side = side,
                                 .listener = listener_->name,
                                 .version = leg(side).tls->version(),
                                 .took = now - since,
                                 .failure = std::nullopt});
  deadline_ = kNever;
  if (side == Side::client) {
    begin_session();
  } else {
    broker_ready(now);
    // CONNECT leaves before the session is shown what came behind the handshake.
    flush(now);
  }
}

Identity Relay::identity() const {
  Identity identity;
  identity.listener = listener_->name;
  identity.address = peer_.host();
  if (client_.tls != nullptr) identity.certificate = client_.tls->peer_certificate();
  return identity;
}

void Relay::begin_session() {
  session_.emplace(listener_->session, identity(), worker_.snapshot().policy, worker_.events(),
                   worker_.next_session_id(), accepted_);
  client_.ready = true;
  state_ = State::running;
}

void Relay::dial(Instant now) {
  dialled_ = now;
  const BrokerSettings& broker = worker_.snapshot().broker;
  deadline_ = now + broker.connect_timeout;
  net::Connector::Handler& handler = *this;
  connector_ = std::make_unique<net::Connector>(worker_.loop(), worker_.timers(),
                                                worker_.resolver(), handler);
  connector_->start(now, broker.connect_timeout);
}

void Relay::on_connected(net::Socket socket) {
  connector_.reset();
  const Instant now = net::Loop::now();
  if (const int error = broker_.stream.open(worker_.loop(), std::move(socket)); error != 0) {
    broker_failed(broker_check(error), net::describe(error), now);
  } else {
    broker_.stream.keep_alive(kBrokerKeepAliveSeconds);
    if (const auto& context = worker_.snapshot().broker.tls; context != nullptr) {
      broker_.tls = std::make_unique<tls::Engine>(context);
      const auto state = broker_.tls->start(worker_.cipher(Side::broker));
      if (state == tls::Engine::State::failed) {
        broker_failed(broker_.tls->failure(), broker_.tls->error(), now);
      }
    } else {
      broker_ready(now);
    }
  }
  settle(now);
}

void Relay::on_connect_failed(int error) {
  connector_.reset();
  const Instant now = net::Loop::now();
  broker_failed(broker_check(error), net::describe(error), now);
  settle(now);
}

void Relay::broker_ready(Instant now) {
  deadline_ = kNever;
  broker_.ready = true;
  worker_.events().on_broker_connect(now - dialled_, std::nullopt);
  session_->broker_connected(now, worker_.turn());
}

void Relay::refuse_handshake(Check check) {
  const Identity who = identity();
  worker_.events().on_refusal({.session = 0, .identity = who, .version = std::nullopt},
                              {.phase = Phase::handshake,
                               .from = Side::client,
                               .action = Action::disconnect,
                               .reason = mqtt::ReasonCode::not_authorized,
                               .cause = {to_string(check), false},
                               .topic = {}});
}

void Relay::broker_failed(Check check, std::string_view detail, Instant now) {
  deadline_ = kNever;
  worker_.events().on_broker_connect(now - dialled_, check);
  session_->transport_closed(Side::broker, CloseKind::broker_unavailable, detail, now,
                             worker_.turn());
}

void Relay::lose(Side side, CloseKind kind, Check check, std::string_view detail, Instant now) {
  if (state_ == State::closing) return;
  Leg& lost = leg(side);
  if (!lost.ready && lost.tls != nullptr) {
    const Instant since = side == Side::client ? accepted_ : dialled_;
    worker_.events().on_handshake({.side = side,
                                   .listener = listener_->name,
                                   .version = {},
                                   .took = now - since,
                                   .failure = check});
    // Somebody who looked in and went away was not refused anything.
    if (side == Side::client && check != Check::tls_closed) refuse_handshake(check);
  }
  if (state_ == State::handshaking) {
    begin_close(now);
  } else if (!worker_.turn().close) {
    if (lost.ready) {
      session_->transport_closed(side, kind, detail, now, worker_.turn());
    } else {
      broker_failed(check, detail, now);
    }
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

void Relay::on_timer(Instant now) {
  if (state_ == State::closing) {
    abort();
    return;
  }
  if (state_ == State::handshaking) {
    if (now >= deadline_) {
      lose(Side::client, CloseKind::connect_timeout, Check::tls_timeout, "timed out", now);
    }
  } else if (now >= deadline_) {
    // The connector keeps the same time; whichever is first, the answer is the same.
    connector_.reset();
    lose(Side::broker, CloseKind::broker_unavailable, Check::broker_connect_timeout, "timed out",
         now);
  } else {
    session_->tick(now, worker_.turn());
    check_stall(Side::client, now);
    check_stall(Side::broker, now);
  }
  settle(now);
}

void Relay::set_policy(const policy::Policy::Ptr& policy) {
  if (state_ != State::running) return;
  const Instant now = net::Loop::now();
  session_->set_policy(policy, now, worker_.turn());
  settle(now);
}

void Relay::shut_down() {
  const Instant now = net::Loop::now();
  if (state_ == State::running) {
    session_->shut_down(now, worker_.turn());
  } else if (state_ == State::handshaking) {
    begin_close(now);
  }
  settle(now);
}

void Relay::abort() {
  state_ = State::closing;
  connector_.reset();
  timer_.set(kNever);
  client_.stream.close();
  broker_.stream.close();
}

bool Relay::is_closed() const { return client_.stream.is_closed() && broker_.stream.is_closed(); }

void Relay::on_closed(net::Stream&) {
  report_wire();
  if (is_closed()) worker_.remove(*this);  // deletes this
}

}  // namespace sallyport::proxy
