#include "bench/load/publisher.h"

#include <algorithm>

#include "bench/wire/packets.h"
#include "mqtt/encode.h"

namespace sallyport::bench {

namespace {
constexpr std::size_t kChunk = 64 * 1024;        // bytes of one write
constexpr std::size_t kMostAtOnce = 256 * 1024;  // then others get their turn
}  // namespace

Publisher::Publisher(Workbench& bench, Peer& peer, Handler& handler, const PublishPlan& plan,
                     std::string_view topic, Tally& tally)
    : bench_(bench),
      peer_(peer),
      handler_(handler),
      plan_(plan),
      tally_(tally),
      timer_(bench.pacer().timers(), *this) {
  const Publish publish{plan.version, topic, plan.qos, 1};
  for (std::uint16_t i = 0; i < plan.together; ++i) append_publish(publish, plan.size, record_);
  packet_ = record_.size() / plan.together;
  if (plan.qos == 0) return;
  id_at_ = packet_id_offset(publish, plan.size);
  total_ids_ = plan.window;
  in_flight_.resize(plan.window + 1U);
  for (std::uint16_t id = plan.window; id != 0; --id) free_.push_back(id);
}

void Publisher::start(Instant first) {
  started_ = true;
  left_ = plan_.messages;
  due_ = first;
  bench_.pacer().set(timer_, first);
}

void Publisher::stop() {
  left_ = 0;
  timer_.set(kNever);
}

void Publisher::on_timer(Instant) {
  pump();
  handler_.on_pumped();
  peer_.flush();
}

/// Messages of the next record; 0: acknowledgements have to come first.
std::size_t Publisher::next_size() const {
  const auto whole = static_cast<std::size_t>(std::min<std::uint64_t>(plan_.together, left_));
  return plan_.qos != 0 && free_.size() < whole ? 0 : whole;
}

void Publisher::pump() {
  const bool paced = plan_.interval != Duration::zero();
  std::size_t sent = 0;
  while (left_ != 0 && peer_.is_open() && peer_.pending() < Peer::kHighWater) {
    const Instant now = net::Loop::now();
    if (now < due_ || sent >= kMostAtOnce) {
      bench_.pacer().set(timer_, std::max(now, due_));
      break;
    }
    const std::size_t count = next_size();
    if (count == 0) break;
    send(count, now);
    sent += count * packet_;
    if (paced) {
      if (now > due_ + plan_.interval) tally_.late += count;
      due_ += plan_.interval;
    }
    if (peer_.unflushed() >= kChunk) peer_.flush();
  }
}

void Publisher::send(std::size_t count, Instant now) {
  const auto bytes = record_.bytes().first(count * packet_);
  if (plan_.qos != 0) {
    // The record is this object's own memory; only the packet identifiers in it change.
    auto* const out = const_cast<std::uint8_t*>(bytes.data());
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint16_t id = free_.back();
      free_.pop_back();
      out[i * packet_ + id_at_] = static_cast<std::uint8_t>(id >> 8);
      out[i * packet_ + id_at_ + 1] = static_cast<std::uint8_t>(id & 0xFF);
      in_flight_[id] = {now, Exchange::published};
    }
  }
  peer_.add_record(bytes);
  left_ -= count;
  tally_.published += count;
}

bool Publisher::take_ack(const mqtt::Ack& ack) {
  if (plan_.qos == 0 || ack.packet_id >= in_flight_.size()) return false;
  InFlight& message = in_flight_[ack.packet_id];
  const bool refused = static_cast<std::uint8_t>(ack.reason) >= 0x80;
  switch (ack.type) {
    case mqtt::PacketType::puback:
      if (plan_.qos != 1 || message.state != Exchange::published) return false;
      break;
    case mqtt::PacketType::pubrec: {
      if (plan_.qos != 2 || message.state != Exchange::published) return false;
      if (refused) break;  // the last packet of this exchange. [MQTT-4.3.3-4]
      message.state = Exchange::released;
      Buffer release;
      mqtt::encode_ack(mqtt::PacketType::pubrel, plan_.version, ack.packet_id,
                       mqtt::ReasonCode::success, release);
      peer_.add_record(release.bytes());
      return true;
    }
    case mqtt::PacketType::pubcomp:
      if (message.state != Exchange::released) return false;
      break;
    default:
      return false;
  }
  message.state = Exchange::none;
  free_.push_back(ack.packet_id);
  ++tally_.acknowledged;
  if (refused) ++tally_.refused;
  tally_.latency.add(net::Loop::now() - message.since);
  return true;
}

}  // namespace sallyport::bench
