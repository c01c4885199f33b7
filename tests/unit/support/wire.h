#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// Control packets as a client or broker would put them on the wire, written for tests: nothing is
/// checked, so wrong packets are as easy to make as right ones.
namespace wire {

enum Level : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5 = 5 };
inline constexpr Level kLevels[] = {v3_1, v3_1_1, v5};
inline constexpr Level kBoth[] = {v3_1_1, v5};  // those of which every statement has a name

inline std::string u8(unsigned value) { return {static_cast<char>(value)}; }
inline std::string u16(unsigned value) { return u8(value >> 8 & 0xFF) + u8(value & 0xFF); }
inline std::string u32(std::uint32_t value) { return u16(value >> 16) + u16(value & 0xFFFF); }
inline std::string varint(std::uint32_t value) {
  std::string out;
  do {
    const unsigned digit = value & 0x7F;
    value >>= 7;
    out += u8(digit | (value != 0 ? 0x80U : 0U));
  } while (value != 0);
  return out;
}
inline std::string text(std::string_view value) {
  return u16(static_cast<unsigned>(value.size())) + std::string(value);
}
inline std::string packet(unsigned first, std::string_view body) {
  return u8(first) + varint(static_cast<std::uint32_t>(body.size())) + std::string(body);
}
/// A property block with its length; `level` below 5 has none.
inline std::string properties(Level level, std::string_view raw = {}) {
  return level < v5 ? "" : varint(static_cast<std::uint32_t>(raw.size())) + std::string(raw);
}

struct Connect {
  Level level = v3_1_1;
  std::string client_id = "c1";
  bool clean = true;
  unsigned keep_alive = 60;
  std::string properties = {};  // raw, without length
  std::string will_topic = {};  // empty: no Will
  std::string will_payload = "gone";
  unsigned will_qos = 0;
  bool will_retain = false;
  std::string will_properties = {};
  std::string username = {};  // empty: none
  std::string password = {};  // empty: none
};
inline std::string connect(const Connect& c = {}) {
  unsigned flags = c.clean ? 0x02 : 0;
  if (!c.will_topic.empty()) {
    flags |= 0x04 | c.will_qos << 3 | (c.will_retain ? 0x20U : 0U);
  }
  if (!c.username.empty()) flags |= 0x80;
  if (!c.password.empty()) flags |= 0x40;
  std::string body = text(c.level == v3_1 ? "MQIsdp" : "MQTT") + u8(c.level) + u8(flags) +
                     u16(c.keep_alive) + wire::properties(c.level, c.properties) +
                     text(c.client_id);
  if (!c.will_topic.empty()) {
    body +=
        wire::properties(c.level, c.will_properties) + text(c.will_topic) + text(c.will_payload);
  }
  if (!c.username.empty()) body += text(c.username);
  if (!c.password.empty()) body += text(c.password);
  return packet(0x10, body);
}

inline std::string connack(Level level, unsigned code = 0, std::string_view raw = {},
                           bool session_present = false) {
  return packet(0x20, u8(session_present) + u8(code) + properties(level, raw));
}

struct Publish {
  Level level = v3_1_1;
  std::string topic = {};
  std::string payload = "x";
  unsigned qos = 0;
  unsigned packet_id = 1;
  bool retain = false;
  bool dup = false;
  std::string properties = {};
};
inline std::string publish(const Publish& p) {
  std::string body = text(p.topic);
  if (p.qos != 0) body += u16(p.packet_id);
  body += wire::properties(p.level, p.properties) + p.payload;
  return packet(0x30U | p.qos << 1 | (p.dup ? 8U : 0U) | (p.retain ? 1U : 0U), body);
}

inline std::string ack(unsigned type, unsigned packet_id) {
  return packet(type << 4 | (type == 6 ? 2U : 0U), u16(packet_id));
}
inline std::string ack(unsigned type, unsigned packet_id, unsigned reason) {
  return packet(type << 4 | (type == 6 ? 2U : 0U), u16(packet_id) + u8(reason));
}
inline std::string puback(unsigned packet_id) { return ack(4, packet_id); }
inline std::string pubrec(unsigned packet_id) { return ack(5, packet_id); }
inline std::string pubrel(unsigned packet_id) { return ack(6, packet_id); }
inline std::string pubcomp(unsigned packet_id) { return ack(7, packet_id); }

struct Filter {
  std::string filter;
  unsigned options = 0;
};
inline std::string subscribe(Level level, unsigned packet_id, std::initializer_list<Filter> filters,
                             std::string_view raw = {}) {
  std::string body = u16(packet_id) + properties(level, raw);
  for (const Filter& f : filters) body += text(f.filter) + u8(f.options);
  return packet(0x82, body);
}
inline std::string suback(Level level, unsigned packet_id, std::initializer_list<unsigned> codes,
                          std::string_view raw = {}) {
  std::string body = u16(packet_id) + properties(level, raw);
  for (const unsigned code : codes) body += u8(code);
  return packet(0x90, body);
}
inline std::string unsubscribe(Level level, unsigned packet_id,
                               std::initializer_list<std::string_view> filters) {
  std::string body = u16(packet_id) + properties(level);
  for (const std::string_view f : filters) body += text(f);
  return packet(0xA2, body);
}
inline std::string pingreq() { return packet(0xC0, {}); }
inline std::string pingresp() { return packet(0xD0, {}); }
inline std::string disconnect() { return packet(0xE0, {}); }
inline std::string disconnect(unsigned reason) { return packet(0xE0, u8(reason)); }

// Properties, raw.
inline std::string topic_alias(unsigned alias) { return u8(0x23) + u16(alias); }
inline std::string topic_alias_maximum(unsigned maximum) { return u8(0x22) + u16(maximum); }
inline std::string receive_maximum(unsigned maximum) { return u8(0x21) + u16(maximum); }
inline std::string maximum_packet_size(std::uint32_t size) { return u8(0x27) + u32(size); }
inline std::string response_topic(std::string_view topic) { return u8(0x08) + text(topic); }
inline std::string server_keep_alive(unsigned seconds) { return u8(0x13) + u16(seconds); }
inline std::string assigned_client_id(std::string_view id) { return u8(0x12) + text(id); }
inline std::string session_expiry(std::uint32_t seconds) { return u8(0x11) + u32(seconds); }
inline std::string authentication_method(std::string_view name) { return u8(0x15) + text(name); }

}  // namespace wire
