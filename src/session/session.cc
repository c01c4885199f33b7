#include "sallyport/session.h"

#include "mqtt/reason_codes.h"
#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::Property;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

// Own packets that wait behind a streaming payload; beyond this their cause is not read further.
constexpr std::size_t kMaxQueuedReplies = 4096;

// What the gateway enforces on the client's packets is not enforced on the broker's: a long topic
// that somebody published past the gateway must not end a subscriber's session. The grammar is.
constexpr Bounds kBrokerBounds = [] {
  Bounds bounds = unbounded();
  bounds.max_packet = 256 * 1024;  // of what has to be gathered; payloads are not
  return bounds;
}();

}  // namespace

void Turn::clear() {
  to_client.clear();
  to_broker.clear();
  dial = false;
  close.reset();
}

Session::Impl::Impl(const SessionOptions& options, Identity identity, policy::Policy::Ptr policy,
                    Events& events, std::uint64_t id, Instant accepted)
    : options_(options),
      events_(events),
      policy_(std::move(policy)),
      identity_(std::move(identity)),
      id_(id),
      bounds_(options.bounds),
      subscriptions_(options.hash_key),
      deadline_(accepted + options.bounds.connect_timeout),
      throttled_until_{},
      last_from_client_(accepted),
      last_to_broker_(accepted) {}

Session::Impl::~Impl() {
  connect_.wipe();
  inlet(Side::client).wipe();
  if (state_ != State::closed) {
    events_.on_session_end(who(), {Side::client, CloseKind::internal_error, "abandoned"}, begun_);
  }
}

std::size_t Session::Impl::feed(Side from, Bytes bytes, Instant now, Turn& turn) {
  if (state_ == State::closed) return bytes.size();  // in the middle of a packet, too
  Inlet& in = inlet(from);
  std::size_t taken = 0;
  // CONNECT has left with the turn before this one.
  if (from == Side::broker && connect_.capacity() != 0) connect_.wipe();

  while (taken < bytes.size()) {
    if (in.mid_packet()) {
      const Inlet::Payload payload = in.take_payload(bytes.subspan(taken));
      if (payload.forward) outlet(other(from)).stream(payload.bytes, turn.to(other(from)));
      note_bytes(from, payload.forward, now);
      taken += payload.bytes.size();
      continue;
    }
    if (state_ == State::closed || paused(from) != 0) break;
    const Bytes rest = bytes.subspan(taken);
    std::size_t used = pass_at_once(from, rest, now, turn);
    if (used == 0) {
      const std::optional<std::size_t> step = take_step(from, rest, now, turn);
      if (!step) break;
      used = *step;
    }
    taken += used;
  }
  return state_ == State::closed ? bytes.size() : taken;
}

/// The long way: frames, decodes and decides what comes next. Says how much of the input that took;
/// nothing: the input has to wait, or the session is over. Apart from feed(), so that what nearly
/// every packet takes stays short.
[[gnu::noinline]] std::optional<std::size_t> Session::Impl::take_step(Side from, Bytes in,
                                                                      Instant now, Turn& turn) {
  Inlet& inlet = this->inlet(from);
  const Inlet::Step step = inlet.next(in, rules(from));
  if (step.kind == Inlet::Step::Kind::need_more) return step.taken;
  const Arrival arrival{from, step.found.frame, !step.gathered, now, turn};
  if (step.kind == Inlet::Step::Kind::malformed) {
    (void)malformed(arrival, first_packet_error(arrival).value_or(step.found.error));
    return std::nullopt;
  }
  const Fate fate = dispatch(arrival);
  if (fate == Fate::later) {
    inlet.put_back();
    return std::nullopt;
  }
  events_.on_packet(from, arrival.type(), arrival.size());
  note_bytes(from, fate == Fate::forwarded, now);
  inlet.finish(arrival.frame.payload_size, fate == Fate::forwarded);
  if (from == Side::client && fate == Fate::consumed) note_client_packet(now, turn);
  return step.taken;
}

/// The client is alive, and so, to the broker, is what was forwarded to it.
void Session::Impl::note_bytes(Side from, bool forwarded, Instant now) {
  if (from != Side::client) return;
  last_from_client_ = now;
  if (forwarded) last_to_broker_ = now;
}

std::uint8_t Session::Impl::paused(Side from) const {
  if (state_ == State::closed) return 0;
  // In the middle of a packet nothing is decided, so nothing can wait.
  if (inlet(from).mid_packet()) return 0;
  std::uint8_t why = 0;
  if (throttled_until_[static_cast<std::size_t>(from)] != Instant{}) why |= kThrottled;
  if (outlet(from).queued() > kMaxQueuedReplies) why |= kRepliesQueued;
  if (from == Side::client &&
      (state_ == State::dialing || (state_ == State::awaiting_connack && connack_first_))) {
    why |= kAwaitingBroker;
  }
  return why;
}

mqtt::FrameRules Session::Impl::rules(Side from) const {
  std::uint32_t most = largest(from);
  if (from == Side::broker) return {from, version_, most, kBrokerBounds.max_packet};
  if (state_ == State::awaiting_connect) most = std::min(most, bounds_.max_packet_before_connect);
  return {from, version_, most, most};
}

/// AUTH is a packet that some clients may send. The framer cannot tell before CONNECT says which,
/// and what is wrong with it here is that it is the first. [MQTT-3.1.0-1]
std::optional<mqtt::Malformed> Session::Impl::first_packet_error(const Arrival& a) const {
  if (state_ != State::awaiting_connect || a.type() != PacketType::auth) return std::nullopt;
  return mqtt::Malformed{Check::connect_first, ReasonCode::protocol_error};
}

const Bounds& Session::Impl::decode_bounds(Side from) const {
  return from == Side::client ? bounds_ : kBrokerBounds;
}

/// The two packets that most sessions consist of, where nothing about them is new. 0: the long way.
std::size_t Session::Impl::pass_at_once(Side from, Bytes in, Instant now, Turn& turn) {
  if (state_ != State::open || inlet(from).gathering()) return 0;
  const auto type = static_cast<PacketType>(in[0] >> 4);
  if (type == PacketType::publish) return pass_known(from, in, now, turn);
  if (type == PacketType::puback && from == Side::broker) return pass_puback(in, turn);
  return 0;
}

Session::Impl::Fate Session::Impl::dispatch(const Arrival& a) {
  return a.from == Side::client ? from_client(a) : from_broker(a);
}

Session::Impl::Fate Session::Impl::from_client(const Arrival& a) {
  // [MQTT-3.1.0-1] [MQTT-3.1.0-2]
  if ((a.type() == PacketType::connect) != (state_ == State::awaiting_connect)) {
    return malformed(a, {Check::connect_first, ReasonCode::protocol_error});
  }
  // What a client sends before CONNACK waits here: only then is it known what binds both sides.
  if (state_ == State::awaiting_connack &&
      !(a.type() == PacketType::auth || a.type() == PacketType::disconnect)) {
    // [MQTT-3.1.2-30]: while they authenticate, nothing else is sent.
    if (enhanced_auth_) return malformed(a, {Check::packet_type, ReasonCode::protocol_error});
    connack_first_ = true;
    return Fate::later;
  }
  switch (a.type()) {
    case PacketType::connect:
      return on_connect(a);
    case PacketType::publish:
      return on_client_publish(a);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return on_ack(a);
    case PacketType::subscribe:
      return on_subscribe(a);
    case PacketType::unsubscribe:
      return on_unsubscribe(a);
    case PacketType::pingreq:
      return on_pingreq(a);
    case PacketType::disconnect:
      return on_disconnect(a);
    case PacketType::auth:
      return on_auth(a);
    default:
      return malformed(a, {Check::packet_type, ReasonCode::protocol_error});
  }
}

Session::Impl::Fate Session::Impl::from_broker(const Arrival& a) {
  const bool handshake = a.type() == PacketType::connack ||
                         (a.type() == PacketType::auth && state_ == State::awaiting_connack);
  if (state_ == State::awaiting_connack ? !handshake : a.type() == PacketType::connack) {
    return malformed(a, {Check::connect_first, ReasonCode::protocol_error});
  }
  switch (a.type()) {
    case PacketType::connack:
      return on_connack(a);
    case PacketType::publish:
      return on_delivery(a);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return on_ack(a);
    case PacketType::suback:
    case PacketType::unsuback:
      return on_suback(a);
    case PacketType::pingresp:
      return on_pingresp(a);
    case PacketType::disconnect:
      return on_disconnect(a);
    case PacketType::auth:
      return on_auth(a);
    default:
      return malformed(a, {Check::packet_type, ReasonCode::protocol_error});
  }
}

Session::Impl::Fate Session::Impl::forward(const Arrival& a) {
  const Side to = other(a.from);
  outlet(to).forward(a.frame.head, a.frame.payload_size, a.stable, a.turn.to(to));
  return Fate::forwarded;
}

Session::Impl::Fate Session::Impl::forward_as(const Arrival& a, Bytes head, Rewrite what) {
  const Side to = other(a.from);
  outlet(to).forward(head, a.frame.payload_size, false, a.turn.to(to));
  events_.on_rewrite(what);
  return Fate::forwarded;
}

Session::Impl::Fate Session::Impl::malformed(const Arrival& a, mqtt::Malformed error) {
  report_refusal(a, Action::disconnect, error.reason, cause_of(error.check), {});
  if (state_ == State::awaiting_connack) {
    if (a.from == Side::broker) {
      reject_client(ReasonCode::server_unavailable, a.turn);
    } else if (version_ == Version::v5) {
      reject_client(error.reason, a.turn);  // 3.x has no return code for a malformed packet
    }
  } else if (state_ == State::open) {
    say_goodbye(a.from == Side::client ? error.reason : ReasonCode::unspecified_error, a.turn);
  }
  close({a.from, CloseKind::malformed, to_string(error.check)}, a.turn);
  return Fate::consumed;
}

void Session::Impl::inject(Side to, const Buffer& packet, Turn& turn) {
  if (packet.size() > max_packet(to)) return;  // [MQTT-3.1.2-24] [MQTT-3.2.2-15] (5.0)
  outlet(to).inject(packet.bytes(), turn.to(to));
}

void Session::Impl::report_refusal(const Arrival& a, Action action, ReasonCode reason,
                                   policy::Cause cause, std::string_view topic) {
  events_.on_refusal(who(), {.phase = phase(),
                             .from = a.from,
                             .packet = a.type(),
                             .action = action,
                             .reason = reason,
                             .cause = cause,
                             .topic = topic});
}

void Session::Impl::report(Side from, PacketType packet, ReasonCode reason, policy::Cause cause) {
  events_.on_refusal(who(), {.phase = phase(),
                             .from = from,
                             .packet = packet,
                             .action = Action::disconnect,
                             .reason = reason,
                             .cause = cause,
                             .topic = {}});
}

Phase Session::Impl::phase() const {
  switch (state_) {
    case State::awaiting_connect:
      return Phase::connect;
    case State::dialing:
      return Phase::dial;
    case State::awaiting_connack:
      return Phase::connack;
    case State::open:
      return Phase::open;
    case State::closed:
      break;
  }
  return Phase::end;
}

/// The verdict on a PUBLISH of either side, which has `topic` for its own or by an alias.
policy::Verdict Session::Impl::judge(Side from, const mqtt::Publish& publish,
                                     std::string_view topic) {
  const policy::PublishRequest request{topic, publish.qos, publish.retain, publish.payload_size};
  VerdictMemo& memo = verdicts(from);
  if (const policy::Verdict* remembered = memo.find(request)) return *remembered;
  const policy::Verdict verdict =
      from == Side::client ? grants_->check_publish(request) : grants_->check_delivery(request);
  // What stands in the packet has been held against the limits that are in force, as pass_known()
  // takes for granted; what an alias stands for, when it was set.
  if (!publish.topic.empty()) memo.put(request, verdict);
  return verdict;
}

/// A verdict that lets pass what a rule would have refused, had it not been told to report only.
void Session::Impl::note_reported(const Arrival& a, const policy::Verdict& verdict,
                                  std::string_view topic) {
  if (verdict.reported.name.empty()) return;
  report_refusal(a, Action::report, verdict.reported_reason, verdict.reported, topic);
}

/// A client that did not ask for problem information gets a reason string or user properties only
/// with PUBLISH, CONNACK and DISCONNECT. [MQTT-3.1.2-29]
bool Session::Impl::tells_unasked(const Arrival& a, const mqtt::Properties& properties) const {
  return a.from == Side::broker && !wants_problem_information_ &&
         (properties.user_count != 0 ||
          mqtt::has_property(properties.raw, Property::reason_string));
}

/// DISCONNECT to a 5.0 client, where one can still be put on the wire; before an accepted CONNACK
/// that is the last word instead [MQTT-3.14.0-1]. A reason that DISCONNECT cannot carry, such as a
/// packet identifier that is in use, is a protocol error there. [MQTT-3.14.2-1]
void Session::Impl::say_goodbye(ReasonCode reason, Turn& turn) {
  if (version_ != Version::v5 || outlet(Side::client).mid_packet()) return;
  if (state_ != State::open) return reject_client(reason, turn);
  if (!mqtt::reason_allowed(PacketType::disconnect, Side::broker,
                            static_cast<std::uint8_t>(reason))) {
    reason = ReasonCode::protocol_error;
  }
  scratch_.clear();
  mqtt::encode_disconnect(reason, scratch_);
  inject(Side::client, scratch_, turn);
  scratch_.release();
}

void Session::Impl::close(CloseReason reason, Turn& turn) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  turn.close = reason;
  events_.on_session_end(who(), reason, begun_);
}

void Session::Impl::transport_closed(Side side, CloseKind kind, std::string_view detail,
                                     Instant /*now*/, Turn& turn) {
  if (state_ == State::closed) return;
  if (side == Side::broker) {
    if (state_ == State::dialing || state_ == State::awaiting_connack) {
      refuse_for_broker(Check::broker_unavailable, ReasonCode::server_unavailable, turn);
      kind = CloseKind::broker_unavailable;
    }
  }
  // A broker that ends without a word has its reasons, which are not known here: the client sees of
  // it what it would see without the gateway.
  close({side, kind, detail}, turn);
}

void Session::Impl::dial_begins(Instant when) {
  if (state_ != State::dialing) return;
  deadline_ = when == kNever ? kNever : when + options_.broker_timeout;
}

void Session::Impl::dial_refused(Check check, Turn& turn) {
  if (state_ != State::dialing) return;
  refuse_for_broker(
      check,
      check == Check::broker_queue_full ? ReasonCode::server_busy : ReasonCode::server_unavailable,
      turn);
  close({Side::broker, CloseKind::broker_unavailable, to_string(check)}, turn);
}

/// The client's CONNECT was good, and there is no broker for it.
void Session::Impl::refuse_for_broker(Check check, ReasonCode reason, Turn& turn) {
  report(Side::broker, PacketType::connect, reason, cause_of(check));
  reject_client(reason, turn);
}

void Session::Impl::set_policy(policy::Policy::Ptr policy, Instant /*now*/, Turn& turn) {
  if (state_ == State::closed) return;
  const policy::Policy::Ptr previous = std::exchange(policy_, std::move(policy));
  if (state_ == State::awaiting_connect) return;
  auto admitted = admit();
  if (!admitted) {
    const policy::Verdict& verdict = admitted.error();
    report(Side::client, PacketType::connect, verdict.reason, verdict.cause);
    if (state_ == State::open) {
      say_goodbye(ReasonCode::not_authorized, turn);
    } else {
      reject_client(ReasonCode::not_authorized, turn);
    }
    close({Side::client, CloseKind::policy_changed, verdict.cause.name}, turn);
    return;
  }
  adopt(std::move(*admitted));
  budget_.reset();
}

void Session::Impl::shut_down(Turn& turn) {
  if (state_ == State::closed) return;
  if (state_ == State::open) {
    say_goodbye(ReasonCode::server_shutting_down, turn);
  } else if (state_ != State::awaiting_connect) {
    reject_client(ReasonCode::server_shutting_down, turn);
  }
  close({Side::client, CloseKind::shutdown, "gateway stops"}, turn);
}

std::size_t Session::Impl::memory() const {
  std::size_t total = connect_.capacity() + scratch_.capacity() + to_broker_aliases_.memory() +
                      to_client_aliases_.memory() + publishes_.memory() + deliveries_.memory() +
                      subscribes_.memory() + subscriptions_.memory() + verdicts_[0].memory() +
                      verdicts_[1].memory() + budget_.memory() + (will_ ? will_->memory() : 0) +
                      authentication_method_.size();
  for (const Inlet& in : inlets_) total += in.memory();
  for (const Outlet& out : outlets_) total += out.memory();
  return total;
}

Session::Session(const SessionOptions& options, Identity identity, policy::Policy::Ptr policy,
                 Events& events, std::uint64_t id, Instant accepted)
    : impl_(std::make_unique<Impl>(options, std::move(identity), std::move(policy), events, id,
                                   accepted)) {}
Session::~Session() = default;

std::size_t Session::feed(Side from, Bytes bytes, Instant now, Turn& turn) {
  return impl_->feed(from, bytes, now, turn);
}
std::uint8_t Session::paused(Side from) const { return impl_->paused(from); }
void Session::broker_connected(Instant now, Turn& turn) { impl_->broker_connected(now, turn); }
void Session::transport_closed(Side side, CloseKind kind, std::string_view detail, Instant now,
                               Turn& turn) {
  impl_->transport_closed(side, kind, detail, now, turn);
}
void Session::set_reading(Side side, bool reading, Instant now) {
  impl_->set_reading(side, reading, now);
}
void Session::dial_begins(Instant when) { impl_->dial_begins(when); }
void Session::dial_refused(Check check, Instant /*now*/, Turn& turn) {
  impl_->dial_refused(check, turn);
}
Instant Session::wake_at() const { return impl_->wake_at(); }
void Session::tick(Instant now, Turn& turn) { impl_->tick(now, turn); }
void Session::set_policy(policy::Policy::Ptr policy, Instant now, Turn& turn) {
  impl_->set_policy(std::move(policy), now, turn);
}
void Session::shut_down(Instant /*now*/, Turn& turn) { impl_->shut_down(turn); }
std::size_t Session::memory() const { return impl_->memory(); }

}  // namespace sallyport
