#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "sallyport/time.h"

namespace sallyport {

/// A set of characters. Those of ASCII are in it one by one, all others together.
class Characters {
 public:
  /// All of them.
  constexpr Characters() = default;
  /// None yet.
  [[nodiscard]] static constexpr Characters none() {
    Characters set;
    set.ascii_[0] = set.ascii_[1] = 0;
    set.others_ = false;
    return set;
  }

  /// `c` is of ASCII.
  constexpr void add(char c) {
    const auto code = static_cast<unsigned char>(c);
    ascii_[code >> 6 & 1] |= std::uint64_t{1} << (code & 63);
  }
  [[nodiscard]] constexpr bool contains(char c) const {
    const auto code = static_cast<unsigned char>(c);
    return code >= 0x80 ? others_ : (ascii_[code >> 6] >> (code & 63) & 1) != 0;
  }
  /// Every character of a text in UTF-8.
  [[nodiscard]] constexpr bool contain_all(std::string_view text) const {
    return std::all_of(text.begin(), text.end(), [this](char c) { return contains(c); });
  }

  /// What is in both.
  [[nodiscard]] friend constexpr Characters operator&(Characters a, const Characters& b) {
    a.ascii_[0] &= b.ascii_[0];
    a.ascii_[1] &= b.ascii_[1];
    a.others_ = a.others_ && b.others_;
    return a;
  }
  [[nodiscard]] friend constexpr bool operator==(const Characters&, const Characters&) = default;

 private:
  std::uint64_t ascii_[2] = {UINT64_MAX, UINT64_MAX};
  bool others_ = true;
};

/// What one connection may ask of the gateway. A listener sets these; a role may lower them
/// (strictest()), never raise them. Sizes in bytes, keep-alive in seconds.
struct Bounds {
  // Before an accepted CONNECT: an unknown peer gets little room and little time.
  std::uint32_t max_packet_before_connect = 16 * 1024;
  Duration connect_timeout = std::chrono::seconds(10);  // TLS handshake and CONNECT together

  std::uint32_t max_packet = 256 * 1024;  // whole control packet, from the client
  std::uint16_t max_topic_length = 1024;
  std::uint16_t max_topic_levels = 32;
  std::uint16_t max_client_id_length = 128;
  Characters client_id_characters;  // of what a client calls itself
  std::uint16_t max_will_payload = 16 * 1024;
  std::uint16_t max_filters = 32;          // per SUBSCRIBE or UNSUBSCRIBE
  std::uint16_t max_subscriptions = 1000;  // that one connection makes, and holds
  std::uint16_t max_user_properties = 20;
  std::uint32_t max_user_property_bytes = 4096;
  std::uint16_t max_topic_aliases = 16;    // each direction
  std::uint16_t max_qos2_in_flight = 100;  // from the client, not yet completed
  std::uint16_t max_requests = 64;         // SUBSCRIBEs refused in part and not yet answered
  std::uint16_t min_keep_alive = 1;
  std::uint16_t max_keep_alive = 1200;    // also applied where a client asks for none
  bool refuse_mqtt3_keep_alive = false;   // out of these two, where it cannot be corrected
  bool refuse_control_characters = true;  // U+0001..U+001F, U+007F..U+009F, non-characters
  bool bridges = false;                   // accept protocol levels 0x83 and 0x84

  [[nodiscard]] friend bool operator==(const Bounds&, const Bounds&) = default;
};

/// The bounds that lower no others.
[[nodiscard]] constexpr Bounds unbounded() {
  constexpr auto kMost16 = std::numeric_limits<std::uint16_t>::max();
  constexpr auto kMost32 = std::numeric_limits<std::uint32_t>::max();
  Bounds bounds;
  bounds.max_packet_before_connect = kMost32;
  bounds.connect_timeout = Duration::max();
  bounds.max_packet = kMost32;
  bounds.max_topic_length = kMost16;
  bounds.max_topic_levels = kMost16;
  bounds.max_client_id_length = kMost16;
  bounds.max_will_payload = kMost16;
  bounds.max_filters = kMost16;
  bounds.max_subscriptions = kMost16;
  bounds.max_user_properties = kMost16;
  bounds.max_user_property_bytes = kMost32;
  bounds.max_topic_aliases = kMost16;
  bounds.max_qos2_in_flight = kMost16;
  bounds.max_requests = kMost16;
  bounds.max_keep_alive = kMost16;
  bounds.refuse_control_characters = false;
  bounds.bridges = true;
  return bounds;
}

/// Field by field the stricter of both. Where that leaves a minimum above its maximum, the maximum
/// is both.
[[nodiscard]] Bounds strictest(const Bounds& a, const Bounds& b);

}  // namespace sallyport
