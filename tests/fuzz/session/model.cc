#include "model.h"

#include <algorithm>

#include "sallyport/topic.h"

#include "check.h"
#include "mqtt/mend.h"

namespace sallyport::fuzz {

using mqtt::PacketType;
using mqtt::Version;

namespace {

constexpr std::size_t kBrokerHead = 256 * 1024;  // what is gathered of a broker's packet

/// The version that a CONNECT asks for, and so the one in which it is refused.
Version announced(std::string_view packet) {
  const auto name = packet.find("MQTT");
  if (name == packet.npos || name > 7 || name + 4 >= packet.size()) return Version::v3_1;
  return (packet[name + 4] & 0x7F) < 5 ? Version::v3_1_1 : Version::v5;
}

}  // namespace

/// What a broker sends may be wrong and still have an end.
mqtt::Frame Model::framed(Side from, Bytes bytes) const {
  const mqtt::FrameRules rules{from, version_, UINT32_MAX, UINT32_MAX, true};
  auto result = mqtt::next_frame(bytes, rules);
  if (result.is_refused() && from == Side::broker) {
    result = mqtt::look_again(bytes, rules, result.error);
  }
  if (!result.has_frame() && from == Side::broker) {
    // One that is larger than its receiver takes, or than is gathered: not all of it has come.
    const mqtt::FrameRules small{from, version_, 1, kBrokerHead, true};
    result = mqtt::look_again(bytes, small,
                              {Check::packet_too_large, mqtt::ReasonCode::packet_too_large});
  }
  must(result.has_frame(), "there is a frame");
  return result.frame;
}

mqtt::Frame Model::input_frame(Side from, const Expected& expected) const {
  return framed(from, as_bytes(std::string_view(flow(from).in).substr(expected.at)));
}

void Model::set_policy(policy::Policy::Ptr policy) {
  policy_ = std::move(policy);
  if (grants_) admit();
}

void Model::admit() {
  auto admitted = policy::Policy::admit(policy_, identity_, version_);
  grants_.reset();
  if (admitted) grants_ = std::move(*admitted);
}

void Model::offer(Side from, Bytes bytes) {
  Flow& f = flow(from);
  f.in.resize(f.taken);
  f.in += as_text(bytes);
}

void Model::taken(Side from, std::size_t size) {
  Flow& f = flow(from);
  f.taken += size;
  must(f.taken <= f.in.size(), "no more is taken than was offered");
  f.in.resize(f.taken);
}

void Model::refusal(const Refusal& refusal) {
  must(!refusal.cause.name.empty(), "a refusal has a name");
  flow(refusal.from)
      .refusals.push_back({refusal.action, std::string(refusal.topic),
                           refusal.cause.name == to_string(Check::too_many_filters)});
}

void Model::rewrite() {
  // Of which side is told by the packet that comes next.
  for (Flow& f : flows_) f.rewritten = true;
}

void Model::broker_connected() {
  if (connected_ || ended_ || !connect_) return;
  connected_ = true;
  flow(Side::client).expected.push_back(std::move(*connect_));
  connect_.reset();
}

void Model::packet(Side from, PacketType type, std::uint64_t size) {
  Flow& f = flow(from);
  must(f.decided < f.in.size(), "a packet that was sent");
  const std::vector<Refused> refusals = std::exchange(f.refusals, {});
  const auto first = static_cast<std::uint8_t>(f.in[f.decided]);
  must(static_cast<unsigned>(type) == first >> 4, "of the type that was sent");
  const bool refused =
      std::ranges::any_of(refusals, [](const Refused& r) { return r.action != Action::report; });
  Expected e{.at = f.decided, .size = size, .topic = {}, .refused = {}};
  for (const Refused& r : refusals) {
    if (r.action == Action::report) continue;
    if (r.too_many) {
      e.too_many = true;
    } else {
      e.refused.push_back(r.topic);
    }
  }
  // Its first packet is in the version that it asks for; a CONNECT that comes later changes
  // nothing.
  if (from == Side::client && f.decided == 0) version_ = announced(f.in);
  const bool rewritten = f.rewritten;
  for (Flow& each : flows_) each.rewritten = false;
  f.decided += static_cast<std::size_t>(size);
  if (refused && ended_) return;  // the end of the session; nothing of it goes on

  e.head = input_frame(from, e).head.size();
  must(input_frame(from, e).header.total() == size, "of the size that was sent");
  const auto change = [&](Way way) {
    if (rewritten) e.way = way;
  };
  if (from == Side::broker && refused && type != PacketType::publish &&
      !(type == PacketType::connack && begun_ && !answered_)) {
    return on_bad_answer(e);
  }
  if (!(type == PacketType::publish || type == PacketType::connect || type == PacketType::connack ||
        type == PacketType::subscribe || type == PacketType::suback ||
        type == PacketType::unsubscribe || type == PacketType::unsuback ||
        (type == PacketType::disconnect && from == Side::broker))) {
    must(!rewritten, "only what is listed is rewritten");
  }
  switch (type) {
    case PacketType::connect:
      change(Way::connect);
      return on_connect(std::move(e));
    case PacketType::connack:
      change(refused ? Way::mended : Way::connack);
      return on_connack(std::move(e));
    case PacketType::publish:
      change(Way::alias);
      return on_publish(from, std::move(e), refused);
    case PacketType::subscribe:
      change(Way::subscribe);
      return on_subscribe(std::move(e));
    case PacketType::unsubscribe:
      change(Way::subscribe);
      return on_unsubscribe(std::move(e));
    case PacketType::suback:
    case PacketType::unsuback:
      change(Way::suback);
      return on_suback(std::move(e));
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return on_ack(from, std::move(e), refused);
    case PacketType::pingreq:
      if (!refused) return expect(from, std::move(e));
      if (max_packet(Side::client) >= 2) ++pingresp_;
      return;
    case PacketType::pingresp:
      return on_pingresp(std::move(e));
    case PacketType::disconnect:
      must(!refused && ended_, "DISCONNECT ends the session");
      change(Way::reference);
      return expect(from, std::move(e));
    case PacketType::auth:
      must(!refused, "a refused AUTH ends the session");
      return expect(from, std::move(e));
    case PacketType::reserved:
      broken("no packet is of this type", std::source_location::current());
  }
}

void Model::expect(Side from, Expected expected) {
  flow(from).expected.push_back(std::move(expected));
}

void Model::on_connect(Expected e) {
  must(!ended_ && !connect_ && !connected_, "CONNECT comes once");
  const auto connect = mqtt::decode_connect(input_frame(Side::client, e), limits_);
  must(connect.has_value(), "CONNECT is one");
  version_ = connect->version;
  identity_.client_id = connect->client_id;
  if (connect->username) identity_.username = std::string(*connect->username);
  admit();
  must(grants_.has_value(), "nobody passes whom the policy does not admit");
  leaves_will_ = connect->will.has_value();
  if (connect->will) {
    const mqtt::Will& will = *connect->will;
    must(grants_->check_publish({will.topic, will.qos, will.retain, will.payload_size()}).allowed,
         "a Will is a publish that is allowed");
    must(!will.response_topic || grants_->check_response_topic(*will.response_topic).allowed,
         "and so is its response topic");
  }
  max_packet(Side::client) = connect->maximum_packet_size.value_or(UINT32_MAX);
  auth_method_ = connect->authentication_method.value_or("").size();
  connect_size_ = static_cast<std::size_t>(e.size);
  connect_ = std::move(e);
}

void Model::on_connack(Expected e) {
  if (e.way == Way::mended) return expect(Side::broker, std::move(e));
  CheckSet tolerated;
  const auto connack =
      mqtt::decode_connack(input_frame(Side::broker, e), version_, kWide, &tolerated);
  must(connack.has_value(), "CONNACK is one");
  must(!answered_, "CONNACK comes once");
  must((connack->code == 0) == begun_ && begun_ != ended_, "a session begins with it, or not");
  if (connack->assigned_client_id && begun_) {
    identity_.client_id = *connack->assigned_client_id;
    admit();
    must(grants_.has_value(), "nobody passes under a name that is not admitted");
  }
  max_packet(Side::broker) = connack->maximum_packet_size.value_or(UINT32_MAX);
  expect(Side::broker, std::move(e));
}

/// A broker's PUBLISH that is wrong. Whoever is told of its alias later must not take it for what
/// it stood for before.
void Model::on_bad_delivery(const Expected& e) {
  must(e.way == Way::verbatim, "what is refused is not rewritten");
  const mqtt::Frame frame = input_frame(Side::broker, e);
  const auto remains = mqtt::remains_of_publish(frame, version_);
  Flow& f = flow(Side::broker);
  if (!remains.alias) f.sender_aliases.clear();
  if (remains.alias.value_or(0) != 0) {
    f.sender_aliases.erase(*remains.alias);
    if (!mqtt::check_topic_name(remains.topic, kWide)) {
      f.sender_aliases[*remains.alias] = remains.topic;
    }
  }
  if (remains.qos != 0) deliver(remains.packet_id, remains.qos, true);
}

/// Any other packet of a broker's that is wrong: it does not come out as it is.
void Model::on_bad_answer(const Expected& e) {
  const mqtt::Frame frame = input_frame(Side::broker, e);
  const PacketType type = frame.header.type;
  if (type == PacketType::pingresp) pings_mixed_ = true;
  if (!begun_) return;
  const auto remains = mqtt::remains_of_ack(frame, version_);
  const std::uint16_t id = remains.packet_id;
  if (type == PacketType::pubcomp ||
      (type == PacketType::pubrec && static_cast<std::uint8_t>(remains.reason) >= 0x80)) {
    carried_qos2_.erase(id);
  }
  if (type == PacketType::pubrel && dropped_qos2_.erase(id) != 0) {
    ++broker_pubcomp_[id];
  } else {
    mended_.insert(std::to_string(static_cast<unsigned>(type)) + " " + std::to_string(id));
  }
}

void Model::deliver(std::uint16_t id, unsigned qos, bool refused) {
  delivery_ids_.insert(id);
  // What waits for its turn in the gateway's tables is owed no longer, what waits behind a payload
  // is: then it is not certain how often.
  dropped_qos2_.erase(id);
  const bool waits = streaming(Side::broker) && (dropped_[1][id] != 0 || dropped_[2][id] != 0);
  if (waits) {
    uncertain_.insert(id);
  } else {
    dropped_[1].erase(id);
    dropped_[2].erase(id);
  }
  if (!refused) {
    delivered_ = true;
    carried_by_client_.insert(id);
    return;
  }
  // Said again while the client carries the exchange on, it is the client's to answer, if the
  // gateway follows that exchange.
  if (carried_by_client_.contains(id)) uncertain_.insert(id);
  ++dropped_[qos][id];
}

void Model::on_publish(Side from, Expected e, bool refused) {
  const auto publish = mqtt::decode_publish(input_frame(from, e), from, version_, kWide);
  Flow& f = flow(from);
  if (from == Side::broker && refused &&
      (!publish || (publish->topic.empty() && f.sender_aliases[publish->topic_alias].empty()))) {
    return on_bad_delivery(e);
  }
  must(publish.has_value(), "PUBLISH is one");
  if (publish->topic_alias != 0 && !publish->topic.empty()) {
    f.sender_aliases[publish->topic_alias] = publish->topic;
  }
  e.topic =
      publish->topic.empty() ? f.sender_aliases[publish->topic_alias] : std::string(publish->topic);
  must(!e.topic.empty(), "a topic that is known");
  const std::uint16_t id = publish->packet_id;
  if (from == Side::broker) {
    if (publish->qos != 0) deliver(id, publish->qos, refused);
  } else if (publish->qos == 2) {
    qos2_ids_.insert(id);
    released_qos2_.erase(id);
    if (!refused) refused_qos2_.erase(id);
    if (!refused) carried_qos2_.insert(id);
    // One that is said again while the broker carries it on gets the broker's answer alone.
    const bool carried = carried_qos2_.contains(id);
    if (refused && carried) {
      must(e.way == Way::verbatim, "what is refused is not rewritten");
      return;
    }
    if (refused && version_ != Version::v5) refused_qos2_.insert(id);
  }
  if (!refused) return expect(from, std::move(e));
  must(e.way == Way::verbatim, "what is refused is not rewritten");
  if (from == Side::client && publish->qos != 0) ++(publish->qos == 1 ? puback_ : pubrec_)[id];
}

void Model::on_ack(Side from, Expected e, bool refused) {
  CheckSet tolerated;
  const auto ack = mqtt::decode_ack(input_frame(from, e), from, version_, kWide,
                                    from == Side::broker ? &tolerated : nullptr);
  must(ack.has_value(), "an acknowledgement is one");
  const std::uint16_t id = ack->packet_id;
  if (from == Side::broker) {
    must(!refused, "a broker's acknowledgement is not refused");
    if (ack->type == PacketType::pubcomp ||
        (ack->type == PacketType::pubrec && static_cast<std::uint8_t>(ack->reason) >= 0x80)) {
      carried_qos2_.erase(id);
    }
    if (ack->type != PacketType::pubrel || dropped_qos2_.erase(id) == 0) {
      return expect(from, std::move(e));
    }
    ++broker_pubcomp_[id];
    return;
  }
  if (refused) return;  // of what the client never got; a wrong one has ended the session
  if (ack->type != PacketType::pubrel) {
    const auto owed = [&](const Ids& ids) {
      return ids.contains(id) && ids.at(id) != 0 && !uncertain_.contains(id);
    };
    must(!owed(dropped_[1]) && !owed(dropped_[2]) && !dropped_qos2_.contains(id),
         "the client does not acknowledge what the gateway does");
    if (ack->type != PacketType::pubrec || static_cast<std::uint8_t>(ack->reason) >= 0x80) {
      carried_by_client_.erase(id);
    }
    return expect(from, std::move(e));
  }
  if (refused_qos2_.erase(id) != 0) {
    released_qos2_.insert(id);
    ++pubcomp_[id];
    return;
  }
  // Answered again for a while.
  e.maybe = released_qos2_.contains(id);
  expect(from, std::move(e));
}

void Model::on_pingresp(Expected e) {
  // To which PINGREQ it belongs is known where only one of both has sent any.
  if (client_pings_ == 0 && own_pings_ > 0 && !pings_mixed_) {
    --own_pings_;
    return;
  }
  e.maybe = own_pings_ > 0 || streaming(Side::broker) || pings_mixed_;
  expect(Side::broker, std::move(e));
}

void Model::decided(Side from) {
  Flow& f = flow(from);
  if (f.left != 0 || f.expected.empty() || !f.expected.back().maybe) return;
  const Expected e = std::move(f.expected.back());
  f.expected.pop_back();
  if (from == Side::broker) {
    --own_pings_;
  } else {
    ++pubcomp_[mqtt::decode_ack(input_frame(from, e), from, version_, kWide)->packet_id];
  }
}

void Model::settle() {
  for (const Side from : {Side::client, Side::broker}) {
    Flow& f = flow(from);
    must(f.out.empty(), "all that came out is accounted for");
    if (f.left == 0) {
      must(f.expected.empty(), "all that was let through has come out");
    } else if (!ended_) {
      must(f.expected.size() == 1 && f.next == f.taken, "what streams does not wait");
    }
  }
  must(connected_ || flow(Side::client).next == 0, "the broker's turn comes with its connection");
  if (ended_) return;
  const auto paid = [](const Ids& ids) {
    return std::ranges::all_of(ids, [](const auto& entry) { return entry.second == 0; });
  };
  // An own packet is five bytes at most, or as long as the request that it answers.
  if (!streaming(Side::client) && max_packet(Side::client) >= 300) {
    must(paid(puback_) && paid(pubrec_) && paid(pubcomp_) && pingresp_ == 0,
         "what is owed to the client is paid");
    must(std::ranges::all_of(subacks_, [](const auto& entry) { return entry.second.empty(); }),
         "and every request is answered");
  }
  if (!streaming(Side::broker) && max_packet(Side::broker) >= 300) {
    must(paid(broker_pubcomp_), "what is owed to the broker is paid");
    must(delivered_ || (paid(dropped_[1]) && paid(dropped_[2])),
         "a dropped delivery is acknowledged, unless others come first");
  }
}

std::string Model::next_received(Side side) {
  std::deque<std::string>& received = flow(other(side)).received;
  if (received.empty()) return {};
  std::string head = std::move(received.front());
  received.pop_front();
  return head;
}

std::size_t Model::identity_size() const {
  return identity_.client_id.size() + identity_.username.value_or("").size() + auth_method_;
}

std::size_t Model::memory_bound() const {
  constexpr std::size_t kEntry = 64;  // of any table; and what grows may have twice the room
  const Bounds& l = limits_;
  const auto gathered = [this](Side from, std::size_t most) {
    const Flow& f = flow(from);
    return f.taken > f.decided ? std::min(f.taken - f.decided, most) : std::size_t{0};
  };
  std::size_t size = 4096;  // tables that begin small, remembered verdicts
  size += gathered(Side::client,
                   std::max(std::min(l.max_packet, l.max_gathered), l.max_packet_before_connect));
  size += gathered(Side::broker, kBrokerHead);
  size += max_held_;
  if (!begun_) size += connect_size_ + 2 * kEntry;
  for (const Flow& f : flows_) {
    size += l.max_topic_aliases * kEntry;
    for (const auto& [alias, topic] : f.sender_aliases) size += topic.size();
  }
  size += std::min<std::size_t>(delivery_ids_.size(), UINT16_MAX) * 8;
  size += (std::min<std::size_t>(qos2_ids_.size(), 2U * l.max_qos2_in_flight) + 16) * 8;
  size += std::min<std::size_t>(requested_, 2U * l.max_requests) * (kEntry + l.max_filters);
  size += std::min<std::size_t>(filters_, l.max_subscriptions) * 24;
  for (const Side side : {Side::client, Side::broker}) {
    if (streaming(side)) size += 4096 + kEntry + l.max_filters;  // replies that wait
  }
  return 2 * size;
}

}  // namespace sallyport::fuzz
