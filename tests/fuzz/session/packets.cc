#include "packets.h"

#include <array>
#include <string_view>

#include "wire.h"

namespace sallyport::fuzz {

using mqtt::Version;

namespace {

wire::Level level_of(Version version) { return static_cast<wire::Level>(version); }

/// Small numbers that meet again, and now and then one that does not fit.
unsigned packet_id(std::uint8_t byte) {
  if (byte == 0xFF) return 0;
  if (byte >= 0xF0) return byte * 251U;
  return 1 + byte % 6U;
}

unsigned alias(std::uint8_t byte) {
  if (byte == 0xFF) return 0;
  if (byte == 0xFE) return 65'535;
  return 1 + byte % 4U;
}

std::string topic(std::uint8_t byte) {
  static const std::string kTopics[] = {"a",
                                        "a/b",
                                        "a/b/c",
                                        "b",
                                        "b/x",
                                        "c1/x",
                                        "$SYS/x",
                                        "secret/s",
                                        "a/",
                                        "/",
                                        "x",
                                        "c2/x",
                                        "a/b/c/d/e/f/g",
                                        "\xC3\xA9/\xF0\x9F\x98\x80",
                                        "a/b",
                                        "a",
                                        "a/b",
                                        "secret/s/t",
                                        std::string(70, 't'),
                                        std::string(1100, 't'),
                                        "a/#",
                                        "+",
                                        "",
                                        "a\x01",
                                        "\xFF",
                                        std::string("a\0b", 3),
                                        "$share/g/a"};
  return pick(kTopics, byte);
}

std::string filter(std::uint8_t byte) {
  static const std::string kFilters[] = {"#",
                                         "a",
                                         "a/b",
                                         "a/#",
                                         "+",
                                         "+/b",
                                         "b/#",
                                         "$SYS/#",
                                         "c1/#",
                                         "a/+/c",
                                         "secret/#",
                                         "x",
                                         "+/+",
                                         "$share/g/a",
                                         "$share/g/#",
                                         "secret/s",
                                         "a/b/c/d/e/f/g/#",
                                         "/#",
                                         "a/+",
                                         "$share/g/secret/#",
                                         "",
                                         "a/#/b",
                                         "$share/g",
                                         "a+",
                                         "\xFF",
                                         std::string(1100, 'f')};
  return pick(kFilters, byte);
}

std::string user_property(std::uint8_t byte) {
  return wire::u8(0x26) + wire::text("k") + wire::text(std::string(byte % 40U, 'v'));
}

/// Properties that many packets may have: a reason string, user properties.
std::string reason_properties(std::uint8_t bits) {
  std::string out;
  if ((bits & 1) != 0) out += wire::u8(0x1F) + wire::text("because");
  if ((bits & 2) != 0) out += user_property(bits);
  if ((bits & 4) != 0) out += user_property(3);
  if ((bits & 0x80) != 0) out += wire::u8(bits);
  return out;
}

/// Spoils a byte, where the fields say so.
std::string spoilt(std::string packet, bool spoil, std::uint8_t where, std::uint8_t how) {
  if (!spoil || packet.empty()) return packet;
  char& byte = packet[where % packet.size()];
  byte = static_cast<char>(byte ^ (how | 1));
  return packet;
}

constexpr unsigned kKeepAlives[] = {60, 0, 1, 10, 65'535};

}  // namespace

std::string make_connect(Version version, Fields f) {
  static const std::string kIds[] = {"c1", "c2", "", "c1/x", "+", std::string(200, 'i'), "c1"};
  wire::Connect c;
  c.level = level_of(version);
  c.client_id = pick(kIds, f[0]);
  c.clean = (f[1] & 1) == 0;
  c.keep_alive = pick(kKeepAlives, f[2]);
  if ((f[1] & 2) != 0) c.username = "user";
  if ((f[1] & 4) != 0) c.password = "password";
  if ((f[1] & 8) != 0) {
    c.will_topic = topic(f[3]);
    c.will_qos = f[3] >> 6;
    c.will_retain = (f[3] & 0x20) != 0;
    if (version == Version::v5 && (f[4] & 0x80) != 0) {
      c.will_properties = wire::response_topic(topic(f[5])) + user_property(f[5]);
    }
  }
  if (version == Version::v5) {
    if ((f[4] & 1) != 0) c.properties += wire::receive_maximum(pick({1U, 2U, 5U, 0U}, f[5]));
    if ((f[4] & 2) == 0) c.properties += wire::topic_alias_maximum(pick({4U, 1U, 40U}, f[5]));
    if ((f[4] & 4) != 0) {
      c.properties += wire::maximum_packet_size(pick({50U, 20U, 4U, 300U, 1U, 1'000'000U}, f[5]));
    }
    if ((f[4] & 8) != 0) c.properties += wire::session_expiry(f[5]);
    if ((f[4] & 16) != 0) c.properties += wire::u8(0x17) + wire::u8(f[5] & 1);
    if ((f[4] & 32) != 0) c.properties += wire::authentication_method("m");
    if ((f[4] & 64) != 0) c.properties += user_property(f[5]);
  }
  return spoilt(wire::connect(c), (f[1] & 0x80) != 0, f[6], f[5]);
}

std::string make_connack(Version version, Fields f) {
  static constexpr unsigned kCodes[] = {0, 0, 0, 0, 0, 5, 0x87, 1, 2, 0x84};
  const unsigned code = version == Version::v5 && f[0] == 5 ? 0x87 : pick(kCodes, f[0]);
  std::string raw;
  if (version == Version::v5) {
    if ((f[1] & 1) != 0) raw += wire::receive_maximum(pick({1U, 2U, 5U, 0U}, f[2]));
    if ((f[1] & 2) != 0) raw += wire::topic_alias_maximum(pick({2U, 1U, 40U, 0U}, f[2]));
    if ((f[1] & 4) != 0) {
      raw += wire::maximum_packet_size(pick({50U, 20U, 4U, 300U, 1U, 1'000'000U}, f[2]));
    }
    if ((f[1] & 8) != 0) raw += wire::server_keep_alive(pick(kKeepAlives, f[2]));
    if ((f[1] & 16) != 0) raw += wire::assigned_client_id(pick({"c1", "c2", "a/b"}, f[2]));
    if ((f[1] & 32) != 0) raw += wire::u8(0x24) + wire::u8(f[2] & 1);
    if ((f[1] & 64) != 0) raw += wire::u8(0x25) + wire::u8(f[2] & 1);
    if ((f[3] & 1) != 0) raw += wire::authentication_method("m");
    raw += reason_properties(f[3] >> 1);
  }
  return spoilt(wire::connack(level_of(version), code, raw, (f[4] & 1) != 0), (f[4] & 0x80) != 0,
                f[6], f[5]);
}

std::string make_publish(Version version, Side side, Fields f) {
  static constexpr unsigned kLong[] = {300, 1000, 5000, 9000, 20'000, 40'000};
  wire::Publish p;
  p.level = level_of(version);
  p.qos = f[0] >> 1 & 3;
  if (p.qos == 3 && (f[0] & 0x30) != 0x30) p.qos = 1;
  p.dup = (f[0] & 8) != 0 && p.qos != 0;
  p.retain = (f[0] & 1) != 0;
  p.topic = (f[0] & 0x40) != 0 ? "" : topic(f[1]);
  p.packet_id = packet_id(f[2]);
  p.payload = std::string(f[3] < 250 ? f[3] : pick(kLong, f[3]), 'p');
  if (version == Version::v5) {
    if ((f[4] & 1) != 0 || p.topic.empty()) p.properties += wire::topic_alias(alias(f[5]));
    if ((f[4] & 2) != 0) p.properties += wire::response_topic(topic(f[5]));
    if ((f[4] & 4) != 0) p.properties += user_property(f[5]);
    if ((f[4] & 8) != 0) p.properties += wire::u8(0x02) + wire::u32(f[5]);
    if ((f[4] & 16) != 0) p.properties += wire::u8(0x09) + wire::text(std::string(f[5], 'c'));
    if ((f[4] & 32) != 0 && side == Side::broker) p.properties += wire::u8(0x0B) + wire::u8(5);
    if ((f[4] & 64) != 0) p.properties += user_property(f[6]) + user_property(f[6]);
  }
  return spoilt(wire::publish(p), (f[0] & 0x80) != 0, f[6], f[5]);
}

std::string make_ack(Version version, Fields f) {
  static constexpr unsigned kReasons[] = {0, 0, 0x10, 0x80, 0x87, 0x92, 0x97, 0x91, 0x81};
  const unsigned type = 4 + (f[0] & 3);
  const unsigned first = type << 4 | (type == 6 ? 2U : 0U);
  std::string body = wire::u16(packet_id(f[1]));
  if (version == Version::v5 && (f[0] & 4) != 0) {
    body += wire::u8(pick(kReasons, f[2]));
    if ((f[0] & 8) != 0) body += wire::properties(wire::v5, reason_properties(f[3]));
  }
  return spoilt(wire::packet(first, body), (f[0] & 0x80) != 0, f[6], f[5]);
}

std::string make_subscribe(Version version, bool unsubscribe, Fields f) {
  const wire::Level level = level_of(version);
  std::string raw;
  if ((f[0] & 8) != 0) raw += unsubscribe ? user_property(f[6]) : wire::u8(0x0B) + wire::u8(7);
  if ((f[0] & 16) != 0) raw += user_property(f[6]);
  std::string body = wire::u16(packet_id(f[1])) + wire::properties(level, raw);
  const std::uint8_t picks[] = {f[2], f[3], f[4], static_cast<std::uint8_t>(f[2] ^ f[3])};
  for (unsigned i = 0; i <= (f[0] & 3U); ++i) {
    body += wire::text(filter(picks[i]));
    if (unsubscribe) continue;
    unsigned options = f[5] >> (2 * i) & 3;
    if (options == 3) options = (f[0] & 0x20) != 0 ? 3 : 1;
    if (version == Version::v5 && (f[0] & 0x40) != 0) options |= f[6] & 0x3CU;
    body += wire::u8(options);
  }
  return spoilt(wire::packet(unsubscribe ? 0xA2 : 0x82, body), (f[0] & 0x80) != 0, f[6], f[5]);
}

std::string make_suback(Version version, bool unsubscribe, Fields f) {
  static constexpr unsigned kCodes[] = {0, 1, 2, 0x80, 0x87, 0x97, 0x11, 0xFF};
  const wire::Level level = level_of(version);
  std::string body = wire::u16(packet_id(f[1])) +
                     wire::properties(level, version == Version::v5 ? reason_properties(f[3]) : "");
  if (!unsubscribe || version == Version::v5) {
    for (unsigned i = 0; i <= (f[0] & 3U); ++i) {
      body += wire::u8(pick(
          kCodes, (unsigned{f[2]} >> (2 * i) & 3U) + ((f[0] & 0x40) != 0 ? unsigned{f[4]} : 0U)));
    }
  }
  return spoilt(wire::packet(unsubscribe ? 0xB0 : 0x90, body), (f[0] & 0x80) != 0, f[6], f[5]);
}

std::string make_disconnect(Version version, Side side, Fields f) {
  static constexpr unsigned kReasons[] = {0, 4, 0x81, 0x82, 0x8B, 0x9D};
  if (version != Version::v5) return wire::disconnect();
  if ((f[0] & 1) == 0) return wire::disconnect();
  std::string body = wire::u8(pick(kReasons, f[1]));
  if ((f[0] & 2) != 0) {
    std::string raw = reason_properties(f[2]);
    if (side == Side::client && (f[0] & 4) != 0) raw += wire::session_expiry(f[3]);
    body += wire::properties(wire::v5, raw);
  }
  return spoilt(wire::packet(0xE0, body), (f[0] & 0x80) != 0, f[6], f[5]);
}

std::string make_auth(Fields f) {
  static constexpr unsigned kReasons[] = {0x18, 0x19, 0};
  if ((f[0] & 1) != 0) return wire::packet(0xF0, {});
  const std::string raw =
      wire::authentication_method((f[0] & 2) != 0 ? "other" : "m") + reason_properties(f[2]);
  return spoilt(
      wire::packet(0xF0, wire::u8(pick(kReasons, f[1])) + wire::properties(wire::v5, raw)),
      (f[0] & 0x80) != 0, f[6], f[5]);
}

}  // namespace sallyport::fuzz
