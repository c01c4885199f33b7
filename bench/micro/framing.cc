// Framer and decoder: bytes as they are read from a client, to decoded views.

#include "sallyport/framer.h"
#include "sallyport/packet.h"

#include "bench/micro/case.h"
#include "bench/wire/packets.h"

namespace sallyport::bench {

namespace {

using mqtt::Frame;
using mqtt::FrameResult;
using mqtt::PacketType;
using mqtt::Version;

constexpr std::string_view kTopic = "plant/bench-1/telemetry/temperature";
constexpr std::size_t kRead = 64 * 1024;  // most bytes that one read brings

std::uint64_t publish_size(Version version, std::size_t payload) {
  Buffer packet;
  append_publish({version, kTopic}, payload, packet);
  return packet.size();
}

mqtt::Decoded<mqtt::Connect> decode(const Frame& frame, const Bounds& bounds, Version,
                                    mqtt::Connect*) {
  return mqtt::decode_connect(frame, bounds);
}
mqtt::Decoded<mqtt::Publish> decode(const Frame& frame, const Bounds& bounds, Version version,
                                    mqtt::Publish*) {
  return mqtt::decode_publish(frame, Side::client, version, bounds);
}
mqtt::Decoded<mqtt::Subscribe> decode(const Frame& frame, const Bounds& bounds, Version version,
                                      mqtt::Subscribe*) {
  return mqtt::decode_subscribe(frame, version, bounds);
}
mqtt::Decoded<mqtt::Ack> decode(const Frame& frame, const Bounds& bounds, Version version,
                                mqtt::Ack*) {
  return mqtt::decode_ack(frame, Side::client, version, bounds);
}

/// Goes through one read's bytes packet by packet, again and again.
template <typename Packet>
class FrameAndDecode : public Case {
 public:
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) keep(next());
  }

 protected:
  explicit FrameAndDecode(Version version)
      : version_(version), rules_{Side::client, version, limits_.max_packet, limits_.max_packet} {}

  [[nodiscard]] Buffer& read() { return read_; }
  [[nodiscard]] Version version() const { return version_; }
  void check() {
    const std::size_t start = at_;
    require(next(), "the packet is not decoded");
    at_ = start;
  }

 private:
  bool next() {
    const FrameResult result = mqtt::next_frame(read_.bytes().subspan(at_), rules_);
    if (result.status != FrameResult::Status::frame) return false;
    const auto packet = decode(result.frame, limits_, version_, static_cast<Packet*>(nullptr));
    keep(packet);
    at_ += static_cast<std::size_t>(result.frame.header.total());
    if (at_ == read_.size()) at_ = 0;
    return packet.has_value();
  }

  const Version version_;
  const Bounds limits_;
  const mqtt::FrameRules rules_;
  Buffer read_;
  std::size_t at_ = 0;
};

/// One after the other from memory that the first cache level holds.
template <Version kVersion, int kQos>
class SmallPublish final : public FrameAndDecode<mqtt::Publish> {
 public:
  explicit SmallPublish(std::uint64_t size) : FrameAndDecode(kVersion) {
    append_publish({kVersion, kTopic, kQos, kQos == 0 ? std::uint16_t{0} : std::uint16_t{1}}, size,
                   read());
    check();
  }
};

/// As many as a read brings when a client sends without a pause.
class CoalescedPublish final : public FrameAndDecode<mqtt::Publish> {
 public:
  explicit CoalescedPublish(std::uint64_t size) : FrameAndDecode(Version::v3_1_1) {
    const std::uint64_t packet = publish_size(version(), size);
    while (read().size() + packet <= kRead) append_publish({version(), kTopic}, size, read());
    check();
  }
};

template <Version kVersion>
class DecodeConnect final : public FrameAndDecode<mqtt::Connect> {
 public:
  explicit DecodeConnect(std::uint64_t) : FrameAndDecode(kVersion) {
    append_connect({.version = kVersion,
                    .client_id = "bench-1",
                    .keep_alive = 60,
                    .will = Will{"plant/bench-1/status", as_bytes("gone"), 1},
                    .username = "bench-1",
                    .password = "not a secret"},
                   read());
    check();
  }
};

template <Version kVersion>
class DecodeSubscribe final : public FrameAndDecode<mqtt::Subscribe> {
 public:
  explicit DecodeSubscribe(std::uint64_t) : FrameAndDecode(kVersion) {
    constexpr std::string_view kFilters[] = {"plant/bench-1/cmd/+", "plant/bench-1/config/#",
                                             "$share/group/plant/all"};
    append_subscribe(kVersion, 1, kFilters, 1, read());
    check();
  }
};

class DecodePuback final : public FrameAndDecode<mqtt::Ack> {
 public:
  explicit DecodePuback(std::uint64_t) : FrameAndDecode(Version::v3_1_1) {
    constexpr std::uint8_t kPuback[] = {0x40, 2, 0, 1};
    read().append(kPuback);
    check();
  }
};

}  // namespace

std::vector<CaseSpec> framing_cases() {
  constexpr auto kOld = Version::v3_1_1;
  constexpr auto kNew = Version::v5;
  return {
      {"frame/publish-64", "frame and decode a PUBLISH, QoS 0, 64 B", publish_size(kOld, 64), 64,
       make_case<SmallPublish<kOld, 0>>},
      {"frame/publish-64-qos1", "the same with QoS 1", publish_size(kOld, 64) + 2, 64,
       make_case<SmallPublish<kOld, 1>>},
      {"frame/publish-64-v5", "the same, QoS 0, MQTT 5", publish_size(kNew, 64), 64,
       make_case<SmallPublish<kNew, 0>>},
      {"frame/publish-1k-read-64k", "a PUBLISH of 1 KiB among those of a read of 64 KiB",
       publish_size(kOld, 1024), 1024, make_case<CoalescedPublish>},
      {"frame/puback", "frame and decode a PUBACK", 4, 0, make_case<DecodePuback>},
      {"frame/connect", "frame and decode a CONNECT with Will and username", 0, 0,
       make_case<DecodeConnect<kOld>>},
      {"frame/connect-v5", "the same, MQTT 5", 0, 0, make_case<DecodeConnect<kNew>>},
      {"frame/subscribe", "frame and decode a SUBSCRIBE with three filters", 0, 0,
       make_case<DecodeSubscribe<kOld>>},
      {"frame/subscribe-v5", "the same, MQTT 5", 0, 0, make_case<DecodeSubscribe<kNew>>},
  };
}

}  // namespace sallyport::bench
