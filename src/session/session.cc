#include "sallyport/session.h"

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::Property;
using mqtt::ReasonCode;

namespace {

// What a worker keeps to make packets in; larger ones are rare.
constexpr std::size_t kMostScratch = 16 * 1024;

// What the gateway enforces on the client's packets is not enforced on the broker's: a long topic
// that somebody published past the gateway must not end a subscriber's session. The grammar is.
constexpr Bounds kBrokerBounds = unbounded();

}  // namespace

void Turn::clear() {
  to_client.clear();
  to_broker.clear();
  dial = false;
  authenticate = false;
  close.reset();
  work = UINT32_MAX;
  if (scratch.capacity() > kMostScratch) scratch.release();
}

Session::Impl::Impl(const SessionOptions& options, Identity identity, policy::Policy::Ptr policy,
                    Events& events, std::uint64_t id, Instant accepted)
    : options_(options),
      events_(events),
      policy_(std::move(policy)),
      identity_(std::move(identity)),
      id_(id),
      bounds_(&options.bounds),
      keep_alive_(accepted),
      subscriptions_(options.hash_key),
      deadline_(accepted + options.bounds.connect_timeout) {}

Session::Impl::~Impl() {
  from_[Side::client].inlet.wipe();
  if (state_ != State::closed) {
    events_.on_session_end(
        who(), {Side::client, CloseKind::internal_error, "abandoned", left_will(), tally()},
        begun_);
  }
}

std::size_t Session::Impl::feed(Side from, Bytes bytes, Instant now, Turn& turn) {
  if (state_ == State::closed) return bytes.size();  // in the middle of a packet, too
  Direction& way = from_[from];
  std::size_t taken = 0;
  // CONNECT has left with the turn before this one.
  if (from == Side::broker && connecting_ != nullptr) connecting_->packet.wipe();

  while (taken < bytes.size()) {
    if (way.inlet.mid_packet()) {
      const Inlet::Payload payload = way.inlet.take_payload(bytes.subspan(taken));
      if (payload.forward) way.outlet.stream(payload.bytes, turn.to(other(from)));
      note_bytes(from, payload.forward, now);
      taken += payload.bytes.size();
      continue;
    }
    if (state_ == State::closed || paused(from) != 0 || turn.work == 0) break;
    --turn.work;
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

/// Frames, decodes and decides what comes next: the way of every packet that pass_at_once() does
/// not take. Returns the number of bytes of `in` that were taken. Returns none if the input has to
/// wait or the session is over. This function is apart from feed() so that the path of nearly every
/// packet stays short.
[[gnu::noinline]] std::optional<std::size_t> Session::Impl::take_step(Side from, Bytes in,
                                                                      Instant now, Turn& turn) {
  Direction& way = from_[from];
  const Inlet::Step step = way.inlet.next(in, rules(from));
  if (step.found.status == mqtt::FrameResult::Status::need_more) return step.taken;
  const Arrival arrival{from, step.found.frame, !step.gathered, step.behind, now, turn};
  if (step.found.is_refused()) {
    static_cast<void>(
        end_malformed(arrival, first_packet_error(arrival).value_or(step.found.error)));
    return std::nullopt;
  }
  const std::uint64_t size = arrival.size();
  way.count(size);  // if it ends the session, that is told how much came with it
  const Fate fate = step.found.status == mqtt::FrameResult::Status::frame
                        ? dispatch(arrival)
                        : on_odd(arrival, step.found);
  if (fate == Fate::later) {
    way.take_back(size);
    way.inlet.put_back();
    return std::nullopt;
  }
  if (fate == Fate::held) {
    way.take_back(size);
    way.inlet.hold(arrival.frame);
    ++turn.work;  // nothing was decided
    return step.taken;
  }
  const bool forwarded = fate == Fate::forwarded;
  events_.on_packet(from, arrival.type(), size);
  note_bytes(from, forwarded, now);
  // Payload that was held, and lies with the head where it will not stay.
  const Bytes held = step.gathered ? step.behind : Bytes();
  if (forwarded && !held.empty()) way.outlet.stream_copy(held, turn.to(other(from)));
  way.inlet.finish(arrival.frame.payload_size - static_cast<std::uint32_t>(held.size()), forwarded);
  if (from == Side::client && fate == Fate::consumed) note_client_packet(now, turn);
  return step.taken;
}

std::uint8_t Session::Impl::paused(Side from) const {
  if (state_ == State::closed) return 0;
  const Direction& way = from_[from];
  // In the middle of a packet nothing is decided, so nothing can wait.
  if (way.inlet.mid_packet()) return 0;
  std::uint8_t why = 0;
  if (way.throttled()) why |= kThrottled;
  if (to(from).outlet.queued() > options_.queued_replies) why |= kRepliesQueued;
  if (from == Side::client && connecting_ != nullptr &&
      (state_ != State::awaiting_connack || connecting_->client_waits)) {
    why |= kAwaitingAnswer;
  }
  return why;
}

mqtt::FrameRules Session::Impl::rules(Side from) const {
  const std::uint32_t most = largest(from);
  if (from == Side::broker) {
    return {.from = from,
            .version = version_,
            .max_packet = most,
            .max_head = options_.broker_gathered,
            .tolerant = !options_.faults.refuse_deviations};
  }
  if (state_ == State::awaiting_connect) {
    const std::uint32_t first = std::min(most, bounds_->max_packet_before_connect);
    return {.from = from, .version = version_, .max_packet = first, .max_head = first};
  }
  // A PUBLISH that is larger than the client could know it may be is refused by itself: see
  // beyond_bounds().
  return {.from = from,
          .version = version_,
          .max_packet = std::max(most, told_max_packet_),
          .max_head = std::min(most, bounds_->max_gathered),
          .max_other = most};
}

/// AUTH is a packet that some clients may send. The framer cannot tell before CONNECT says which,
/// and what is wrong with it here is that it is the first. [MQTT-3.1.0-1]
std::optional<mqtt::Malformed> Session::Impl::first_packet_error(const Arrival& a) const {
  if (state_ != State::awaiting_connect || a.type() != PacketType::auth) return std::nullopt;
  return mqtt::Malformed{Check::connect_first, ReasonCode::protocol_error};
}

const Bounds& Session::Impl::decode_bounds(Side from) const {
  return from == Side::client ? *bounds_ : kBrokerBounds;
}

/// Passes on the two packets that most sessions consist of, if nothing about them is new. Returns
/// the number of bytes taken; returns 0 if take_step() has to decide, and then nothing has changed.
std::size_t Session::Impl::pass_at_once(Side from, Bytes in, Instant now, Turn& turn) {
  if (state_ != State::open || from_[from].inlet.gathering()) return 0;
  const auto type = static_cast<PacketType>(in[0] >> 4);
  if (type == PacketType::publish) {
    // Who is refused is refused again most of the time, and then on_publish() decides at once.
    if (from_[from].refused_last) return 0;
    return from == Side::client ? pass_known<Side::client>(in, now, turn)
                                : pass_known<Side::broker>(in, now, turn);
  }
  if (type == PacketType::puback && from == Side::broker) return pass_puback(in, now, turn);
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
    if (auth_method_ != nullptr) {
      return malformed(a, {Check::packet_type, ReasonCode::protocol_error});
    }
    connecting_->client_waits = true;
    return Fate::later;
  }
  switch (a.type()) {
    case PacketType::connect:
      return on_connect(a);
    case PacketType::publish:
      return on_publish(a);
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
      return on_publish(a);
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
  from_[a.from].outlet.forward(a.frame.head, a.frame.payload_size, a.stable,
                               a.turn.to(other(a.from)));
  return Fate::forwarded;
}

Session::Impl::Fate Session::Impl::forward_as(const Arrival& a, Bytes head, Rewrite what) {
  from_[a.from].outlet.forward(head, a.frame.payload_size, false, a.turn.to(other(a.from)));
  events_.on_rewrite(what);
  return Fate::forwarded;
}

void Session::Impl::inject(Side to, Bytes packet, Turn& turn) {
  Direction& way = this->to(to);
  if (packet.size() > way.receiver_max) return;  // [MQTT-3.1.2-24] [MQTT-3.2.2-15] (5.0)
  way.outlet.inject(packet, turn.to(to));
}

/// Returns whether the broker tells a client what it did not ask for: without problem information a
/// reason string or user properties come only with PUBLISH, CONNACK and DISCONNECT. [MQTT-3.1.2-29]
bool Session::Impl::tells_unasked(const Arrival& a, const mqtt::Properties& properties) const {
  return a.from == Side::broker && !asked_.problem_information &&
         (properties.user_count != 0 ||
          mqtt::has_property(properties.raw, Property::reason_string));
}

Tally Session::Impl::tally() const {
  const Direction& client = from_[Side::client];
  const Direction& broker = from_[Side::broker];
  return {.packets = {client.packets, broker.packets},
          .bytes = {client.bytes, broker.bytes},
          .refused = refused_,
          .throttled = throttled_,
          .broker_code = broker_code_ == 0 ? std::nullopt
                                           : std::optional(static_cast<ReasonCode>(broker_code_))};
}

bool Session::Impl::is_busy() const {
  if (state_ != State::open) return state_ != State::awaiting_connect && state_ != State::closed;
  return std::ranges::any_of(from_, [](const Direction& way) { return way.is_busy(); }) ||
         !deliveries_.is_empty() || !publishes_.is_empty() || !subscribes_.is_empty();
}

std::size_t Session::Impl::memory() const {
  std::size_t total = publishes_.memory() + deliveries_.memory() + subscribes_.memory() +
                      subscriptions_.memory() + budget_.memory() +
                      (connecting_ ? connecting_->memory() : 0) +
                      (lowered_ ? sizeof(*lowered_) : 0) +
                      (auth_method_ ? sizeof(*auth_method_) + auth_method_->capacity() : 0) +
                      (will_ ? will_->memory() : 0);
  for (const Direction& way : from_) total += way.memory();
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
LoginRequest Session::login() const { return impl_->login(); }
void Session::authenticated(const LoginResult& result, Instant now, Turn& turn) {
  impl_->authenticated(result, now, turn);
}
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
void Session::stalled(Side side, Instant /*now*/, Turn& turn) { impl_->stalled(side, turn); }
void Session::shut_down(Instant /*now*/, Turn& turn, std::string_view elsewhere) {
  impl_->shut_down(elsewhere, turn);
}
void Session::end(Check check, mqtt::ReasonCode reason, Instant /*now*/, Turn& turn) {
  impl_->end(check, reason, turn);
}
void Session::revoke(Check check, Instant /*now*/, Turn& turn) { impl_->revoke(check, turn); }
const Identity& Session::identity() const { return impl_->identity(); }
Tally Session::tally() const { return impl_->tally(); }
Who Session::who() const { return impl_->who(); }
bool Session::is_busy() const { return impl_->is_busy(); }
std::size_t Session::memory() const { return impl_->memory(); }
std::size_t Session::object_size() { return sizeof(Session) + sizeof(Impl); }

}  // namespace sallyport
