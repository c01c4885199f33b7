#include "bench/load/client.h"

#include <utility>

#include "bench/wire/packets.h"
#include "mqtt/encode.h"

namespace sallyport::bench {

using mqtt::PacketType;

namespace {

/// The other end is not an attacker here; what it sends is checked, not limited.
constexpr Bounds kLimits = [] {
  Bounds bounds;
  bounds.max_topic_length = UINT16_MAX;
  bounds.max_topic_levels = UINT16_MAX;
  bounds.max_user_properties = UINT16_MAX;
  bounds.max_user_property_bytes = UINT32_MAX;
  bounds.max_client_id_length = UINT16_MAX;
  bounds.refuse_control_characters = false;
  return bounds;
}();

void replace(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

Client::Client(Workbench& bench, net::Resolver& resolver, const ClientPlan& plan, Owner& owner,
               Tally& tally, Role role, std::uint32_t number)
    : bench_(bench),
      resolver_(resolver),
      plan_(plan),
      owner_(owner),
      tally_(tally),
      role_(role),
      number_(number),
      client_id_(fill(plan.client_id)),
      timer_(bench.timers(), *this) {}

std::string Client::fill(std::string_view pattern) const {
  std::string text(pattern);
  replace(text, "%c", client_id_);
  replace(text, "%i", std::to_string(number_));
  return text;
}

void Client::connect() {
  state_ = State::connecting;
  const Instant now = net::Loop::now();
  timer_.set(now + plan_.connect_limit);
  net::Connector::Handler& handler = *this;
  connector_ = std::make_unique<net::Connector>(bench_.loop(), bench_.timers(), resolver_, handler);
  connector_->start(now, plan_.connect_limit);
}

void Client::on_connected(net::Socket socket) {
  connector_.reset();
  Peer::Handler& handler = *this;
  peer_ = std::make_unique<Peer>(bench_, handler, plan_.tls, Side::broker, plan_.publish.version);
  peer_->open(std::move(socket));
}

void Client::on_connect_failed(int error) {
  connector_.reset();
  on_gone(net::describe(error));
}

void Client::on_ready() {
  tls_version_ = peer_->tls_version();
  state_ = State::greeting;
  Buffer connect;
  append_connect({.version = plan_.publish.version,
                  .client_id = client_id_,
                  .keep_alive = plan_.keep_alive,
                  .username = plan_.username,
                  .password = plan_.password},
                 connect);
  peer_->add_record(connect.bytes());
  connect.wipe();
}

void Client::on_packet(const mqtt::Frame& frame) {
  if (state_ == State::leaving) return;
  if ((frame.header.type == PacketType::connack) != (state_ == State::greeting)) {
    return peer_->close("a packet other than CONNACK came first, or CONNACK came again");
  }
  switch (frame.header.type) {
    case PacketType::connack:
      return on_connack(frame);
    case PacketType::suback:
      return on_suback(frame);
    case PacketType::publish:
      return on_publish(frame);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return on_ack(frame);
    case PacketType::pingresp:
      if (pings_ == 0) return peer_->close("a PINGRESP that nobody asked for");
      if (--pings_ != 0 || state_ != State::draining) return;
      state_ = State::done;
      done_ = true;
      return owner_.on_client_done(*this);
    default:
      return peer_->close("the broker sent DISCONNECT, or a packet that nobody asked for");
  }
}

void Client::on_connack(const mqtt::Frame& frame) {
  const auto connack = mqtt::decode_connack(frame, plan_.publish.version, kLimits);
  if (!connack) return peer_->close(to_string(connack.error().check));
  if (connack->code != 0) return peer_->close("the broker refused CONNECT");
  if (role_ != Role::subscriber) return become_ready();
  state_ = State::subscribing;
  const std::string filter = fill(plan_.filter);
  const std::string_view filters[] = {filter};
  Buffer subscribe;
  append_subscribe(plan_.publish.version, 1, filters, plan_.subscribe_qos, subscribe);
  peer_->add_record(subscribe.bytes());
}

void Client::on_suback(const mqtt::Frame& frame) {
  const auto suback = mqtt::decode_suback(frame, plan_.publish.version, kLimits);
  if (!suback || state_ != State::subscribing || suback->codes.size() != 1) {
    return peer_->close("a SUBACK that does not answer the SUBSCRIBE");
  }
  if (suback->codes[0] >= 0x80) return peer_->close("the broker refused SUBSCRIBE");
  become_ready();
}

void Client::become_ready() {
  state_ = State::ready;
  if (role_ == Role::publisher) {
    Publisher::Handler& handler = *this;
    publisher_ = std::make_unique<Publisher>(bench_, *peer_, handler, plan_.publish,
                                             fill(plan_.topic), tally_);
  }
  // A publisher that is never silent for long needs no PINGREQ, but cannot know that it will not
  // be.
  timer_.set(plan_.keep_alive == 0
                 ? kNever
                 : net::Loop::now() + std::chrono::milliseconds(750) * plan_.keep_alive);
  owner_.on_client_ready(*this);
}

void Client::on_publish(const mqtt::Frame& frame) {
  const auto publish = mqtt::decode_publish(frame, Side::broker, plan_.publish.version, kLimits);
  if (!publish) return peer_->close(to_string(publish.error().check));
  tally_.received_bytes += frame.header.total();
  if (publish->qos == 0) return count_received();
  answer(publish->qos == 1 ? PacketType::puback : PacketType::pubrec, publish->packet_id);
  if (publish->qos == 1) count_received();
}

/// A message has arrived, and its exchange is over: whoever waits for the last one may leave now.
void Client::count_received() {
  ++tally_.received;
  owner_.on_client_received();
}

void Client::answer(PacketType type, std::uint16_t packet_id) {
  Buffer packet;
  mqtt::encode_ack(type, plan_.publish.version, packet_id, mqtt::ReasonCode::success, packet);
  peer_->add_record(packet.bytes());
}

void Client::on_ack(const mqtt::Frame& frame) {
  const auto ack = mqtt::decode_ack(frame, Side::broker, plan_.publish.version, kLimits);
  if (!ack) return peer_->close(to_string(ack.error().check));
  if (ack->type == PacketType::pubrel) {  // of a delivery
    answer(PacketType::pubcomp, ack->packet_id);
    return count_received();
  }
  if (publisher_ == nullptr || !publisher_->take_ack(*ack)) {
    peer_->close("an acknowledgement of something that was never sent");
  }
}

void Client::on_turn() {
  if (state_ != State::ready || publisher_ == nullptr) return;
  publisher_->pump();
  check_done();
}

/// What was sent last has reached the broker when a PINGREQ behind it is answered.
void Client::check_done() {
  if (state_ != State::ready || !publisher_->is_done()) return;
  state_ = State::draining;
  ping();
}

void Client::ping() {
  ++pings_;
  Buffer request;
  mqtt::encode_pingreq(request);
  peer_->add_record(request.bytes());
  peer_->flush();
}

void Client::stop() {
  if (state_ != State::ready || publisher_ == nullptr) return;
  publisher_->stop();
  check_done();
}

void Client::leave() {
  if (state_ == State::connecting || state_ == State::greeting || state_ == State::subscribing) {
    return abort({});
  }
  if (peer_ == nullptr || state_ == State::gone || state_ == State::leaving) return;
  state_ = State::leaving;
  timer_.set(kNever);
  if (publisher_ != nullptr) publisher_->stop();
  Buffer disconnect;
  append_disconnect(disconnect);
  peer_->add_record(disconnect.bytes());
  peer_->finish();
}

void Client::abort(std::string_view why) {
  if (peer_ != nullptr) {
    if (why.empty()) state_ = State::leaving;
    peer_->close(why);
  } else if (connector_ != nullptr) {
    connector_.reset();
    on_gone(why);
  }
}

void Client::on_gone(std::string_view why) {
  if (state_ == State::leaving) why = {};
  state_ = State::gone;
  pings_ = 0;
  timer_.set(kNever);
  publisher_.reset();
  peer_.reset();
  owner_.on_client_gone(*this, why);
}

void Client::on_timer(Instant now) {
  if (state_ == State::connecting || state_ == State::greeting || state_ == State::subscribing) {
    return abort("no answer to TLS, CONNECT or SUBSCRIBE in time");
  }
  ping();
  timer_.set(now + std::chrono::milliseconds(750) * plan_.keep_alive);
}

}  // namespace sallyport::bench
