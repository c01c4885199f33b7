#include <map>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "packets.h"
#include "refusal_codes.h"
#include "samples.h"

/// Which reason code goes with which check: 1.2 and 4.13 of 5.0, and 2.4.
namespace sallyport::mqtt::test {

namespace {

/// Counts what was seen, and checks that it may be.
class Ledger {
 public:
  void add(std::string_view outcome) {
    if (!outcome.starts_with("mqtt.")) return;
    const auto space = outcome.find(' ');
    const std::string check(outcome.substr(0, space));
    const std::string code(outcome.substr(space + 1));
    CAPTURE(check);
    CAPTURE(code);
    const auto known = kRefusalCodes.find(check);
    REQUIRE(known != kRefusalCodes.end());
    CHECK(known->second.contains(code));
    ++seen_[check];
  }
  [[nodiscard]] int count(const std::string& check) const {
    const auto found = seen_.find(check);
    return found == seen_.end() ? 0 : found->second;
  }

 private:
  std::map<std::string, int> seen_;
};

/// The packet with another body and a Remaining Length that fits it.
std::string with_body(const Sample& sample, std::string_view body) {
  return wire::packet(static_cast<unsigned char>(sample.bytes[0]), body);
}
std::string body_of(const Sample& sample) {
  const Frame frame = frame_of(sample.bytes, sample.from, sample.version);
  return sample.bytes.substr(frame.header.size);
}

}  // namespace

TEST_CASE("every packet cut short or with bytes behind it: its check has its reason code") {
  Ledger ledger;
  for (const Sample& sample : samples()) {
    if (sample.bytes.size() > 600) continue;  // those differ in payload only
    const std::string body = body_of(sample);
    for (std::size_t size = 0; size < body.size(); ++size) {
      ledger.add(outcome(with_body(sample, body.substr(0, size)), sample.from, sample.version));
    }
    for (const std::string& behind : {wire::u8(0), wire::u8(0xFF), wire::u16(1) + wire::u8(9)}) {
      ledger.add(outcome(with_body(sample, body + behind), sample.from, sample.version));
    }
  }
  for (const char* check :
       {"mqtt.truncated", "mqtt.trailing-bytes", "mqtt.property-length", "mqtt.remaining-length"}) {
    CAPTURE(check);
    CHECK(ledger.count(check) >= 10);
  }
}

TEST_CASE("every packet with bytes changed at random: its check has its reason code") {
  Ledger ledger;
  std::mt19937 random(5);
  for (const Sample& sample : samples()) {
    if (sample.bytes.size() > 600) continue;
    for (int turn = 0; turn < 200; ++turn) {
      std::string bytes = sample.bytes;
      for (auto changes = 1 + random() % 2; changes > 0; --changes) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      ledger.add(outcome(bytes, sample.from, sample.version));
    }
  }
  CHECK(ledger.count("mqtt.utf8") >= 10);
  CHECK(ledger.count("mqtt.property-unknown") >= 10);
}

TEST_CASE("every place where a field can be missing answers with 0x81") {
  const auto v3 = Version::v3_1_1;
  const auto v5 = Version::v5;
  struct Row {
    const char* what;
    Side from;
    Version version;
    const char* bytes;
    const char* expected;
  };
  const Row rows[] = {
      {"CONNECT: protocol name", kClient, v3, "10 0C 00 0B 4D 51 54 54 04 02 00 0A 00 00",
       "mqtt.truncated 81"},
      {"CONNECT: client identifier", kClient, v3, "10 0C 00 04 4D 51 54 54 04 02 00 0A 00 01",
       "mqtt.truncated 81"},
      {"CONNECT: client identifier", kClient, v5, "10 0D 00 04 4D 51 54 54 05 02 00 0A 00 00 01",
       "mqtt.truncated 81"},
      {"CONNECT: Will topic", kClient, v3, "10 0D 00 04 4D 51 54 54 04 06 00 0A 00 00 00",
       "mqtt.truncated 81"},
      {"CONNECT: Will payload", kClient, v3, "10 0F 00 04 4D 51 54 54 04 06 00 0A 00 00 00 01 74",
       "mqtt.truncated 81"},
      {"CONNECT: user name", kClient, v3, "10 0D 00 04 4D 51 54 54 04 82 00 0A 00 00 00",
       "mqtt.truncated 81"},
      {"CONNECT: password", kClient, v3, "10 0E 00 04 4D 51 54 54 04 C2 00 0A 00 00 00 00",
       "mqtt.truncated 81"},
      {"CONNECT: bytes behind it", kClient, v3, "10 0D 00 04 4D 51 54 54 04 02 00 0A 00 00 00",
       "mqtt.trailing-bytes 81"},
      {"CONNECT: bytes behind it", kClient, v5, "10 0E 00 04 4D 51 54 54 05 02 00 0A 00 00 00 00",
       "mqtt.trailing-bytes 81"},
      {"CONNACK: properties", kBroker, v5, "20 02 00 00", "mqtt.truncated 81"},
      {"CONNACK: property length", kBroker, v5, "20 03 00 00 80", "mqtt.truncated 81"},
      {"CONNACK: bytes behind it", kBroker, v5, "20 04 00 00 00 00", "mqtt.trailing-bytes 81"},
      {"PUBLISH: topic", kClient, v3, "30 03 00 02 61", "mqtt.truncated 81"},
      {"PUBLISH: packet identifier", kClient, v3, "32 04 00 01 61 00", "mqtt.truncated 81"},
      {"PUBLISH: property length", kClient, v5, "30 04 00 01 61 80", "mqtt.truncated 81"},
      {"PUBACK: property length", kClient, v5, "40 04 00 01 00 80", "mqtt.truncated 81"},
      {"PUBACK: bytes behind it", kClient, v5, "40 05 00 01 00 00 00", "mqtt.trailing-bytes 81"},
      {"SUBSCRIBE: property length", kClient, v5, "82 03 00 01 80", "mqtt.truncated 81"},
      {"SUBSCRIBE: filter", kClient, v3, "82 05 00 01 00 02 61", "mqtt.truncated 81"},
      {"SUBSCRIBE: options", kClient, v3, "82 05 00 01 00 01 61", "mqtt.truncated 81"},
      {"UNSUBSCRIBE: filter", kClient, v3, "A2 05 00 01 00 02 61", "mqtt.truncated 81"},
      {"SUBACK: codes", kBroker, v5, "90 05 00 01 02 1F 00", "mqtt.property-length 81"},
      {"SUBACK: codes", kBroker, v5, "90 06 00 01 03 1F 00 00", "mqtt.truncated 81"},
      {"UNSUBACK: codes", kBroker, v5, "B0 06 00 01 03 1F 00 00", "mqtt.truncated 81"},
      {"DISCONNECT: property length", kClient, v5, "E0 02 00 80", "mqtt.truncated 81"},
      {"DISCONNECT: bytes behind it", kClient, v5, "E0 03 00 00 00", "mqtt.trailing-bytes 81"},
      {"AUTH: property length", kClient, v5, "F0 02 18 80", "mqtt.truncated 81"},
      {"AUTH: bytes behind it", kClient, v5, "F0 07 18 04 15 00 01 78 00",
       "mqtt.trailing-bytes 81"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CAPTURE(to_string(row.version));
    CHECK(outcome(hex(row.bytes), row.from, row.version) == row.expected);
  }
}

TEST_CASE("what the framer keeps from a decoder is refused by the decoder, too, with 0x81") {
  // A decoder is a contract of its own: whoever calls it with a frame of another maker gets an
  // answer.
  const auto frame = [](std::uint8_t first, std::string_view bytes) {
    Frame out;
    out.header = {static_cast<PacketType>(first >> 4), static_cast<std::uint8_t>(first & 0x0F), 2,
                  static_cast<std::uint32_t>(bytes.size() - 2)};
    out.head = as_bytes(bytes);
    return out;
  };
  const Bounds bounds;
  const std::string short_ack = hex("40 01 00");
  const std::string long_ack = hex("40 03 00 01 00");
  const std::string long_disconnect = hex("E0 01 00");
  const std::string short_connack = hex("20 01 00");
  const std::string long_connack = hex("20 03 00 00 00");
  const std::string short_publish = hex("30 03 00 02 61");
  const std::string short_identifier = hex("32 04 00 01 61 00");
  const std::string long_publish = hex("30 04 00 01 61 00");
  const std::string behind_properties = hex("30 05 00 01 61 00 00");
  const std::string short_subscribe = hex("82 01 00");
  const std::string empty_suback = hex("90 02 00 01");
  const std::string long_unsuback = hex("B0 03 00 01 00");
  const auto v3 = Version::v3_1_1;
  CHECK(to_text(decode_ack(frame(0x40, short_ack), kClient, v3, bounds)) == "mqtt.truncated 81");
  CHECK(to_text(decode_ack(frame(0x40, long_ack), kClient, v3, bounds)) ==
        "mqtt.trailing-bytes 81");
  CHECK(to_text(decode_disconnect(frame(0xE0, long_disconnect), kClient, v3, bounds)) ==
        "mqtt.trailing-bytes 81");
  CHECK(to_text(decode_connack(frame(0x20, short_connack), v3, bounds)) == "mqtt.truncated 81");
  CHECK(to_text(decode_connack(frame(0x20, long_connack), v3, bounds)) == "mqtt.trailing-bytes 81");
  CHECK(to_text(decode_publish(frame(0x30, short_publish), kClient, v3, bounds)) ==
        "mqtt.truncated 81");
  CHECK(to_text(decode_publish(frame(0x32, short_identifier), kClient, v3, bounds)) ==
        "mqtt.truncated 81");
  CHECK(to_text(decode_publish(frame(0x30, long_publish), kClient, v3, bounds)) ==
        "mqtt.trailing-bytes 81");
  CHECK(to_text(decode_publish(frame(0x30, behind_properties), kClient, Version::v5, bounds)) ==
        "mqtt.trailing-bytes 81");
  CHECK(to_text(decode_subscribe(frame(0x82, short_subscribe), v3, bounds)) == "mqtt.truncated 81");
  CHECK(to_text(decode_suback(frame(0x90, empty_suback), v3, bounds)) == "mqtt.truncated 81");
  CHECK(to_text(decode_suback(frame(0xB0, long_unsuback), v3, bounds)) == "mqtt.trailing-bytes 81");
}

}  // namespace sallyport::mqtt::test
