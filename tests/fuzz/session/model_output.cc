// The other half of the model: what came out, frame by frame.

#include <algorithm>

#include "sallyport/topic.h"

#include "check.h"
#include "model.h"

namespace sallyport::fuzz {

using mqtt::PacketType;
using mqtt::Property;
using mqtt::Version;

namespace {

bool pay(std::map<std::uint16_t, int>& owed, std::uint16_t id) {
  const auto at = owed.find(id);
  if (at == owed.end() || at->second == 0) return false;
  --at->second;
  return true;
}

/// The properties of a block without some, and those.
struct Split {
  std::string kept;
  std::map<Property, std::uint32_t> taken;
};
Split split(Bytes block, std::initializer_list<Property> ids) {
  Split out;
  mqtt::PropertyView view;
  while (mqtt::next_property(block, view)) {
    if (std::ranges::find(ids, view.id) == ids.end()) {
      out.kept += as_text(view.raw);
    } else {
      out.taken[view.id] = view.number;
    }
  }
  return out;
}

std::string without_own_topic(const mqtt::Frame& frame, std::string_view topic) {
  return std::string(as_text(frame.body()).substr(2 + topic.size()));
}

}  // namespace

void Model::sent(Side to, Bytes bytes) {
  if (bytes.empty()) return;
  must(to == Side::client || connected_, "nothing before the broker's turn");
  const Side from = other(to);
  flow(from).out += as_text(bytes);
  match(from);
}

void Model::match(Side from) {
  Flow& f = flow(from);
  std::size_t used = 0;
  const std::string_view out = f.out;
  while (used < out.size()) {
    if (f.left != 0) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(f.left, out.size() - used));
      must(f.next + n <= f.in.size() &&
               out.substr(used, n) == std::string_view(f.in).substr(f.next, n),
           "payload comes out byte for byte");
      used += n;
      f.next += n;
      f.left -= n;
      if (f.left == 0) f.expected.pop_front();
      continue;
    }
    const mqtt::Frame frame = framed(from, as_bytes(out.substr(used)));
    check_received(other(from), frame);
    if (match_expected(from, frame)) {
      used += frame.head.size();
      continue;
    }
    must(frame.header.total() <= out.size() - used, "an own packet comes out whole");
    own(other(from), frame);
    used += static_cast<std::size_t>(frame.header.total());
  }
  f.out.erase(0, used);
}

bool Model::match_expected(Side from, const mqtt::Frame& frame) {
  Flow& f = flow(from);
  if (f.expected.empty()) return false;
  const Expected& e = f.expected.front();
  // An own PINGRESP has waited for its turn, so it comes before the broker's.
  if (e.maybe && frame.header.type == PacketType::pingresp && pingresp_ > 0) return false;
  if (e.way == Way::verbatim) {
    const std::string_view head = std::string_view(f.in).substr(e.at, e.head);
    if (frame.header.total() != e.size || as_text(frame.head) != head) return false;
  } else if (!is_rewritten(from, e, frame)) {
    return false;
  }
  const Expected now = e;
  f.next = now.at + now.head;
  f.left = frame.payload_size;
  if (f.left == 0) f.expected.pop_front();
  forwarded(from, now, frame);
  return true;
}

/// Is this the expected frame, changed as it may be?
bool Model::is_rewritten(Side from, const Expected& e, const mqtt::Frame& frame) {
  const mqtt::Frame was = input_frame(from, e);
  if (frame.header.type != was.header.type) return false;
  switch (e.way) {
    case Way::connect: {
      const auto a = mqtt::decode_connect(was, kWide);
      const auto b = mqtt::decode_connect(frame, kWide);
      must(b.has_value(), "a rewritten CONNECT is one");
      const auto ids = {Property::topic_alias_maximum};
      must(split(a->properties.raw, ids).kept == split(b->properties.raw, ids).kept &&
               b->topic_alias_maximum == limits_.max_topic_aliases &&
               b->topic_alias_maximum < a->topic_alias_maximum,
           "only the Topic Alias Maximum is lowered");
      const auto rest = [](const mqtt::Frame& x, const mqtt::Connect& c) {
        const std::string_view body = as_text(x.body());
        return std::string(body.substr(0, 10)) +
               std::string(body.substr(static_cast<std::size_t>(
                   c.properties.raw.data() + c.properties.raw.size() - x.body().data())));
      };
      must(rest(was, *a) == rest(frame, *b), "all else is verbatim");
      return true;
    }
    case Way::connack: {
      CheckSet tolerated;
      const auto a = mqtt::decode_connack(was, version_, kWide, &tolerated);
      const auto b = mqtt::decode_connack(frame, version_, kWide, &tolerated);
      if (!b || b->code != a->code) return false;
      const auto ids = {Property::maximum_packet_size, Property::topic_alias_maximum,
                        Property::receive_maximum, Property::server_keep_alive,
                        Property::server_reference};
      const Split old = split(a->properties.raw, ids);
      const Split now = split(b->properties.raw, ids);
      must(old.kept == now.kept && a->session_present == b->session_present,
           "all else is verbatim");
      must(b->maximum_packet_size.value_or(UINT32_MAX) <=
                   a->maximum_packet_size.value_or(UINT32_MAX) &&
               b->topic_alias_maximum <= a->topic_alias_maximum &&
               b->receive_maximum <= a->receive_maximum,
           "limits are only lowered");
      return true;
    }
    case Way::alias: {
      const auto a = mqtt::decode_publish(was, from, version_, kWide);
      const auto b = mqtt::decode_publish(frame, from, version_, kWide);
      must(a->topic.empty() && b->topic == e.topic, "the topic of the alias is put back");
      must(frame.head[0] == was.head[0] && frame.payload_size == was.payload_size &&
               without_own_topic(frame, b->topic) == without_own_topic(was, a->topic),
           "all else is verbatim");
      return true;
    }
    case Way::subscribe: {
      const auto a = mqtt::decode_subscribe(was, version_, kWide);
      const auto b = mqtt::decode_subscribe(frame, version_, kWide);
      must(a->packet_id == b->packet_id && as_text(a->properties.raw) == as_text(b->properties.raw),
           "all but the filters is verbatim");
      std::vector<std::string> gone;
      Bytes rest = a->payload;
      Bytes kept = b->payload;
      mqtt::FilterEntry entry;
      mqtt::FilterEntry next;
      bool more = mqtt::next_filter(b->type, kept, next);
      while (mqtt::next_filter(a->type, rest, entry)) {
        if (more && as_text(entry.raw) == as_text(next.raw)) {
          more = mqtt::next_filter(b->type, kept, next);
        } else {
          gone.emplace_back(entry.filter);
        }
      }
      must(!more, "the filters that are left stand in their order");
      std::vector<std::string> refused = e.refused;
      std::ranges::sort(gone);
      std::ranges::sort(refused);
      must(gone == refused, "those that were refused are gone");
      return true;
    }
    case Way::suback: {
      CheckSet tolerated;
      const auto a = mqtt::decode_suback(was, version_, kWide, &tolerated);
      const auto b = mqtt::decode_suback(frame, version_, kWide, &tolerated);
      if (a->packet_id != b->packet_id) return false;
      const Request& request = requests_.at(a->packet_id);
      must(request.counts.contains(b->codes.size()), "a code for every filter");
      std::size_t next = 0;
      for (std::size_t i = 0; i < b->codes.size(); ++i) {
        if (request.refused.contains(i)) {
          must(b->codes[i] >= 0x80, "a refused filter has the code of a refusal");
        } else if (next < a->codes.size() && b->codes[i] == a->codes[next]) {
          ++next;
        }
      }
      must(next == a->codes.size(), "the broker's codes stand in their order");
      must(as_text(a->properties.raw) == as_text(b->properties.raw) || b->properties.raw.empty(),
           "properties are verbatim, or there is no room for them");
      return true;
    }
    case Way::mended: {
      CheckSet tolerated;
      const auto b = mqtt::decode_connack(frame, version_, kWide, &tolerated);
      must(b.has_value() && b->code == 0, "a mended CONNACK is one");
      if (b->assigned_client_id) {
        identity_.client_id = *b->assigned_client_id;
        admit();
        must(grants_.has_value(), "nobody passes under a name that is not admitted");
      }
      max_packet(Side::broker) = b->maximum_packet_size.value_or(UINT32_MAX);
      return true;
    }
    case Way::reference: {
      const auto a = mqtt::decode_disconnect(was, from, version_, kWide);
      const auto b = mqtt::decode_disconnect(frame, from, version_, kWide);
      const Split old = split(a->properties.raw, {Property::server_reference});
      must(b.has_value() && a->reason == b->reason && old.kept == as_text(b->properties.raw),
           "only the Server Reference is taken out");
      return true;
    }
    case Way::verbatim:
      break;
  }
  return false;
}

void Model::forwarded(Side from, const Expected& e, const mqtt::Frame& frame) {
  remember(other(from), frame);
  switch (frame.header.type) {
    case PacketType::publish:
      return forwarded_publish(from, e, frame);
    case PacketType::subscribe: {
      const auto subscribe = mqtt::decode_subscribe(frame, version_, kWide);
      mqtt::FilterEntry entry;
      for (Bytes rest = subscribe->payload; mqtt::next_filter(subscribe->type, rest, entry);) {
        must(grants_->check_subscribe(mqtt::split_share(entry.filter).filter, entry.qos()).allowed,
             "no filter passes that the policy refuses");
        subscriptions_.emplace(entry.filter);
      }
      must(gave_up_ || subscriptions_.size() <= limits_.max_subscriptions,
           "no more subscriptions than the limit");
      return;
    }
    case PacketType::unsubscribe:
      gave_up_ = true;
      return;
    case PacketType::suback:
    case PacketType::unsuback: {
      CheckSet tolerated;
      const auto suback = mqtt::decode_suback(frame, version_, kWide, &tolerated);
      if (frame.header.type == PacketType::suback || version_ == Version::v5) {
        requests_.erase(suback->packet_id);
        gave_up_ = gave_up_ || std::ranges::any_of(suback->codes, [](auto c) { return c >= 0x80; });
      }
      return;
    }
    case PacketType::pingreq:
      ++client_pings_;
      return;
    case PacketType::pingresp:
      client_pings_ = std::max(0, client_pings_ - 1);
      return;
    default:
      return;
  }
}

void Model::forwarded_publish(Side from, const Expected& e, const mqtt::Frame& frame) {
  const auto publish = mqtt::decode_publish(frame, from, version_, kWide);
  Flow& f = flow(from);
  // As the receiver understands it.
  if (publish->topic_alias != 0 && !publish->topic.empty()) {
    f.receiver_aliases[publish->topic_alias] = publish->topic;
  }
  const std::string topic = publish->topic.empty() ? f.receiver_aliases[publish->topic_alias]
                                                   : std::string(publish->topic);
  must(topic == e.topic, "the receiver understands the topic that the sender means");
  const policy::PublishRequest request{topic, publish->qos, publish->retain, publish->payload_size};
  must(grants_.has_value(), "nothing passes for nobody");
  if (from == Side::broker) {
    must(grants_->check_delivery(request).allowed, "no delivery passes that the policy refuses");
    return;
  }
  must(grants_->check_publish(request).allowed, "no PUBLISH passes that the policy refuses");
  must(!publish->response_topic || grants_->check_response_topic(*publish->response_topic).allowed,
       "nor a Response Topic");
}

bool Model::is_valid(Side from, const mqtt::Frame& frame, CheckSet* tolerated) const {
  switch (frame.header.type) {
    case PacketType::connect:
      return mqtt::decode_connect(frame, kWide).has_value();
    case PacketType::connack:
      return mqtt::decode_connack(frame, version_, kWide, tolerated).has_value();
    case PacketType::publish:
      return mqtt::decode_publish(frame, from, version_, kWide).has_value();
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return mqtt::decode_ack(frame, from, version_, kWide, tolerated).has_value();
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return mqtt::decode_subscribe(frame, version_, kWide).has_value();
    case PacketType::suback:
    case PacketType::unsuback:
      return mqtt::decode_suback(frame, version_, kWide, tolerated).has_value();
    case PacketType::disconnect:
      return mqtt::decode_disconnect(frame, from, version_, kWide, tolerated).has_value();
    case PacketType::auth:
      return mqtt::decode_auth(frame, from, kWide).has_value();
    case PacketType::pingreq:
      return from == Side::client;
    case PacketType::pingresp:
      return from == Side::broker;
    case PacketType::reserved:
      break;
  }
  return false;
}

/// What any side may get, whoever made it: for a client that is what it must get, and what clients
/// tolerate.
void Model::check_received(Side to, const mqtt::Frame& frame) {
  must(!said_goodbye_ || to != Side::client, "nothing comes behind the last packet");
  must(frame.header.total() <= max_packet(to), "no packet is larger than its receiver takes");
  const Side from = other(to);
  CheckSet tolerated;
  must(is_valid(from, frame, from == Side::broker ? &tolerated : nullptr),
       "what comes out is well-formed");
  if (frame.header.type == PacketType::connack) {
    must(!answered_, "CONNACK comes once");
    answered_ = true;
  }
  if (to == Side::client && !answered_) {
    must(frame.header.type == PacketType::auth, "nothing comes before CONNACK");
  }
}

void Model::own(Side to, const mqtt::Frame& frame) {
  remember(to, frame);
  // A CONNACK that refuses may be a mended one of the broker's, and a SUBACK has its codes.
  CheckSet tolerated;
  const bool mended =
      frame.header.type == PacketType::connack || frame.header.type == PacketType::suback;
  must(is_valid(other(to), frame, mended ? &tolerated : nullptr),
       "what the gateway makes is exact");
  to == Side::client ? own_to_client(frame) : own_to_broker(frame);
}

void Model::own_to_client(const mqtt::Frame& frame) {
  const PacketType type = frame.header.type;
  const auto is_mended = [&](std::uint16_t id) {
    return mended_.erase(std::to_string(static_cast<unsigned>(type)) + " " + std::to_string(id)) !=
           0;
  };
  const auto refuses = [this](unsigned code) { return version_ != Version::v5 || code >= 0x80; };
  switch (type) {
    case PacketType::connack:
      must(frame.body()[1] != 0 && ended_, "the gateway accepts nobody by itself");
      said_goodbye_ = true;
      return;
    case PacketType::disconnect:
      must(version_ == Version::v5 && begun_ && ended_, "DISCONNECT is the last packet");
      said_goodbye_ = true;
      return;
    case PacketType::pingresp:
      if (pingresp_ == 0 && pings_mixed_) return;
      must(pingresp_-- > 0, "PINGRESP only for a refused PINGREQ");
      return;
    case PacketType::pubrel:
      must(is_mended(mqtt::decode_ack(frame, Side::broker, version_, kWide)->packet_id),
           "PUBREL is the broker's to send");
      return;
    case PacketType::puback:
    case PacketType::pubrec: {
      const auto ack = mqtt::decode_ack(frame, Side::broker, version_, kWide);
      if (!pay(type == PacketType::puback ? puback_ : pubrec_, ack->packet_id)) {
        must(is_mended(ack->packet_id), "no acknowledgement without a refusal");
        return;
      }
      must(version_ != Version::v5 || static_cast<unsigned>(ack->reason) >= 0x80,
           "and it says that it is one");
      return;
    }
    case PacketType::pubcomp: {
      const auto id = mqtt::decode_ack(frame, Side::broker, version_, kWide)->packet_id;
      must(pay(pubcomp_, id) || is_mended(id), "PUBCOMP only where the gateway runs the exchange");
      return;
    }
    case PacketType::suback:
    case PacketType::unsuback: {
      CheckSet tolerated;
      const auto suback = mqtt::decode_suback(frame, version_, kWide, &tolerated);
      std::deque<std::size_t>& owed = subacks_[suback->packet_id];
      if (owed.empty() || owed.front() != suback->codes.size()) {
        must(is_mended(suback->packet_id), "no request is answered that was not refused");
        const auto request = requests_.find(suback->packet_id);
        if (type == PacketType::suback && request != requests_.end()) {
          must(request->second.counts.contains(suback->codes.size()), "a code for every filter");
          requests_.erase(request);
        }
        gave_up_ = true;
        return;
      }
      owed.pop_front();
      for (const std::uint8_t code : suback->codes) {
        must(code >= 0x80 && refuses(code), "the answer is no");
      }
      return;
    }
    default:
      broken("the gateway says this to a client", std::source_location::current());
  }
}

void Model::own_to_broker(const mqtt::Frame& frame) {
  const PacketType type = frame.header.type;
  switch (type) {
    case PacketType::disconnect:
      // Whoever has lost the right to its Will has it taken back, in any version.
      must(connected_ && ended_ && (leaves_will_ || (version_ == Version::v5 && !begun_)),
           "DISCONNECT only takes back a Will, or what CONNACK has let in");
      return;
    case PacketType::pingreq:
      must(begun_, "PINGREQ in an open session");
      ++own_pings_;
      return;
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubcomp: {
      const auto ack = mqtt::decode_ack(frame, Side::client, version_, kWide);
      const std::uint16_t id = ack->packet_id;
      must(ack->reason == mqtt::ReasonCode::success, "a dropped delivery is acknowledged");
      if (type == PacketType::puback) {
        must(pay(dropped_[1], id), "no acknowledgement of what was not dropped");
      } else if (type == PacketType::pubrec) {
        must(pay(dropped_[2], id), "no acknowledgement of what was not dropped");
        dropped_qos2_.insert(id);
      } else {
        must(pay(broker_pubcomp_, id), "PUBCOMP only where the gateway runs the exchange");
      }
      return;
    }
    default:
      broken("the gateway says this to a broker", std::source_location::current());
  }
}

void Model::remember(Side to, const mqtt::Frame& frame) {
  constexpr std::size_t kMost = 64;
  std::deque<std::string>& received = flow(other(to)).received;
  if (received.size() < kMost) received.emplace_back(as_text(frame.head));
}

}  // namespace sallyport::fuzz
