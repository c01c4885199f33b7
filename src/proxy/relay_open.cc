#include <algorithm>

#include "proxy/failure.h"
#include "proxy/relay.h"
#include "proxy/worker.h"
#include "tls/engine.h"

namespace sallyport::proxy {

/// The address that counts is known, and is let in.
void Relay::open_client(Instant now) {
  if (listener_->tls == nullptr) {
    begin_session({});
    return;
  }
  state_ = State::handshaking;
  deadline_ = accepted_ + listener_->session.bounds.connect_timeout;
  client_.stream.set_patient(true);
  const auto state = client_.layers.push(std::make_unique<tls::Engine>(listener_->tls),
                                         worker_.scratch(), worker_.outer(Side::client));
  if (state == transport::Layer::State::failed) client_failed(client_.layers.failure().check, now);
}

/// `rest`: what came behind the header.
void Relay::header_read(const transport::PeerFacts& facts, Bytes rest, Instant now) {
  if (facts.address) peer_ = *facts.address;
  if (const auto refused = worker_.door().addressed(slot_, *listener_, peer_)) {
    refuse_client(*refused, nullptr, now);
    return;
  }
  deadline_ = kNever;
  open_client(now);
  if (!rest.empty()) receive(Side::client, rest, now);
}

/// All layers of a side are open for the first time.
void Relay::opened(Side side, Instant now) {
  leg(side).stream.set_patient(false);
  transport::PeerFacts facts;
  leg(side).layers.tell(facts);
  report_handshake(side, facts, std::nullopt, now);
  if (side == Side::broker) {
    broker_ready(now);
    // CONNECT leaves before the session is shown what came behind the handshake.
    flush(now);
    return;
  }
  const Certificate* const certificate = facts.certificate.get();
  const tls::Standing standing = judge_certificate(certificate, now);
  if (!standing.good()) {
    refuse_client(standing.failure.check, certificate, now);
    return;
  }
  deadline_ = certified_;
  begin_session(facts);
  if (standing.excused) report_excused();
}

void Relay::report_handshake(Side side, const transport::PeerFacts& facts,
                             std::optional<Check> failure, Instant now) {
  const Instant since = side == Side::client ? accepted_ : dialled_;
  worker_.events().on_handshake({.side = side,
                                 .listener = listener_->name,
                                 .version = failure ? std::string_view() : facts.tls_version,
                                 .took = now - since,
                                 .failure = failure,
                                 .cipher = facts.cipher,
                                 .group = facts.group,
                                 .resumed = facts.resumed,
                                 .has_sni = !facts.sni.empty(),
                                 .chain_end = facts.chain_end});
}

void Relay::begin_session(const transport::PeerFacts& facts) {
  Identity identity;
  identity.listener = listener_->name;
  identity.address = to_string(peer_);
  identity.address_prefix = listener_->address_prefix;
  identity.certificate = facts.certificate;
  id_ = worker_.next_session_id();
  policy_ = worker_.snapshot().policy.get();
  session_.emplace(listener_->session, std::move(identity), worker_.snapshot().policy,
                   worker_.events(), id_, accepted_);
  client_.ready = true;
  state_ = State::running;
  if (facts.certificate != nullptr && facts.certificate->needs.any()) {
    lenient_ = facts.certificate->needs;
    worker_.events().on_lenient(listener_->name, lenient_, true);
  }
}

/// The certificate has expired, and counts because an exception list names it.
void Relay::report_excused() {
  worker_.events().on_refusal(session_->who(),
                              {.phase = Phase::handshake,
                               .from = Side::client,
                               .action = Action::report,
                               .reason = mqtt::ReasonCode::not_authorized,
                               .cause = {to_string(Check::certificate_expired), false},
                               .topic = {}});
}

/// A layer of the client's did not open: the header or the handshake has failed.
void Relay::client_failed(Check check, Instant now) {
  transport::PeerFacts facts;
  client_.layers.tell(facts);
  const bool left = check == Check::tls_closed;
  // A peer that only looked in is no failed handshake.
  if (state_ == State::handshaking && (heard_ || !left)) {
    report_handshake(Side::client, facts, check, now);
  }
  // Whoever began and went away was not refused anything: it is counted, and not told of.
  if (left) {
    begin_close(now);
  } else {
    refuse_client(check, facts.shown.get(), now);
  }
}

/// Tells of a client that gets no session, and closes.
void Relay::refuse_client(Check check, const Certificate* shown, Instant now) {
  const Phase phase = state_ == State::header ? Phase::header : Phase::handshake;
  report_refusal(worker_.events(), phase, *listener_, peer_, check, shown);
  begin_close(now);
}

/// All other checks have let CONNECT in. Whoever cannot be asked has not said yes.
void Relay::authenticate(Instant now) {
  net::WorkPool::Port* const port = worker_.port();
  if (port != nullptr && listener_->authenticator != nullptr) {
    login_ = listener_->authenticator->submit(session_->login(), *port, *this);
  }
  if (login_ == nullptr) session_->authenticated(LoginUnavailable{}, now, worker_.turn());
}

void Relay::on_login(LoginResult result) {
  const Instant now = net::Loop::now();
  login_.reset();
  adopt_policy_before_dial(now);
  session_->authenticated(result, now, worker_.turn());
  settle(now);
}

/// CONNECT was accepted.
void Relay::dial(Instant now) {
  ticket_ = worker_.dialer().request(now, *this);
  if (ticket_->waits()) {
    session_->dial_begins(kNever);
  } else {
    dial_begins(now);
  }
}

Instant Relay::dial_deadline() const {
  return std::min(dialled_ + worker_.snapshot().broker.connect_timeout, certified_);
}

void Relay::dial_begins(Instant now) {
  dialled_ = now;
  deadline_ = dial_deadline();
  session_->dial_begins(now);
}

void Relay::on_dial_begun(Instant now) {
  dial_begins(now);
  set_timer();
}

void Relay::on_dialled(net::Socket socket) {
  const Instant now = net::Loop::now();
  open_broker(std::move(socket), now);
  settle(now);
}

void Relay::on_dial_failed(Check check, std::string_view detail) {
  const Instant now = net::Loop::now();
  ticket_.reset();
  if (check == Check::broker_queue || check == Check::broker_queue_full) {
    // Says nothing about the broker, so it is not told as a dial.
    session_->dial_refused(check, now, worker_.turn());
  } else {
    broker_failed(check, detail, now);
  }
  settle(now);
}

void Relay::open_broker(net::Socket socket, Instant now) {
  if (const int error = broker_.stream.open(worker_.loop(), std::move(socket)); error != 0) {
    broker_failed(broker_check(error), net::describe(error), now);
    return;
  }
  broker_.stream.keep_alive(worker_.snapshot().broker.tcp_keep_alive);
  const auto& context = worker_.snapshot().broker.tls;
  if (context == nullptr) {
    broker_ready(now);
    return;
  }
  broker_.stream.set_patient(true);
  const auto state = broker_.layers.push(std::make_unique<tls::Engine>(context), worker_.scratch(),
                                         worker_.outer(Side::broker));
  if (state == transport::Layer::State::failed) {
    const transport::Failure why = broker_.layers.failure();
    broker_failed(why.check, why.text, now);
  }
}

void Relay::broker_ready(Instant now) {
  deadline_ = certified_;
  ticket_.reset();
  broker_.ready = true;
  worker_.events().on_broker_connect(now - dialled_, std::nullopt, {});
  session_->broker_connected(now, worker_.turn());
}

void Relay::broker_failed(Check check, std::string_view detail, Instant now) {
  deadline_ = certified_;
  ticket_.reset();
  worker_.events().on_broker_connect(now - dialled_, check, detail);
  session_->transport_closed(Side::broker, CloseKind::broker_unavailable, detail, now,
                             worker_.turn());
}

}  // namespace sallyport::proxy
