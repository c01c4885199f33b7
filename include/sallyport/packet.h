#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "sallyport/bounds.h"
#include "sallyport/check_set.h"
#include "sallyport/framer.h"

/// Decoded views into a frame. Every view points into the bytes it was decoded from and owns
/// nothing. Decoders are strict: they work inside the frame, consume all of it and check all that
/// the standard says of the packet by itself; what depends on earlier packets is the session's.
namespace sallyport::mqtt {

template <typename T>
using Decoded = std::expected<T, Malformed>;

/// A validated property block, without its length prefix. Empty before MQTT 5. 2.2.2
struct Properties {
  Bytes raw;
  std::uint16_t user_count = 0;  // user properties
  std::uint32_t user_bytes = 0;  // of their names and values together
};

/// One property of a validated block; walks on with next_property().
struct PropertyView {
  Property id{};
  std::uint32_t number = 0;  // integer properties
  Bytes value;               // strings and binary data; the name of a user property
  Bytes second;              // the value of a user property
  Bytes raw;                 // identifier and value as on the wire
};
/// Takes the first property off `rest`, which must be (the tail of) a validated block. False at
/// the end.
[[nodiscard]] bool next_property(Bytes& rest, PropertyView& out);

/// Does a validated block hold this property?
[[nodiscard]] bool has_property(Bytes block, Property id);

struct Will {
  std::string_view topic;
  Bytes payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::optional<std::string_view> response_topic;
  Properties properties;

  /// A string of the wire has 65,535 bytes at most. 1.5.6 (5.0)
  [[nodiscard]] std::uint32_t payload_size() const {
    return static_cast<std::uint32_t>(payload.size());
  }
};

/// 3.1
struct Connect {
  Version version = Version::v3_1_1;
  bool bridge = false;           // protocol level 0x83 or 0x84
  bool clean_start = false;      // Clean Session in 3.x
  std::uint16_t keep_alive = 0;  // seconds
  std::string_view client_id;
  std::optional<Will> will;
  std::optional<std::string_view> username;
  std::optional<Bytes> password;
  // MQTT 5; the values that the standard gives where a property is absent
  std::uint32_t session_expiry = 0;
  std::uint16_t receive_maximum = 65'535;
  std::optional<std::uint32_t> maximum_packet_size;
  std::uint16_t topic_alias_maximum = 0;
  bool request_problem_information = true;
  bool request_response_information = false;
  std::optional<std::string_view> authentication_method;
  Properties properties;
};

/// 3.2
struct Connack {
  bool session_present = false;
  /// Return code in 3.x, reason code in 5. The one CONNACK of 3.1.1 that a client of 5 may get,
  /// from a broker that does not know 5, says unsupported_protocol_version here and has no
  /// properties.
  std::uint8_t code = 0;
  std::uint16_t receive_maximum = 65'535;
  std::uint8_t maximum_qos = 2;
  bool retain_available = true;
  std::optional<std::uint32_t> maximum_packet_size;
  std::optional<std::string_view> assigned_client_id;
  std::uint16_t topic_alias_maximum = 0;
  std::optional<std::uint16_t> server_keep_alive;
  std::optional<std::string_view> authentication_method;
  Properties properties;
};

/// 3.3, without the payload
struct Publish {
  bool dup = false;
  bool retain = false;
  std::uint8_t qos = 0;
  std::uint16_t packet_id = 0;    // 0 with QoS 0
  std::uint16_t topic_alias = 0;  // 0: none
  std::string_view topic;         // empty only with a topic alias
  std::optional<std::string_view> response_topic;
  std::uint32_t payload_size = 0;
  std::optional<Malformed> over = {};  // see Subscribe
  Properties properties;
};

/// PUBACK, PUBREC, PUBREL, PUBCOMP. 3.4 to 3.7
struct Ack {
  PacketType type = PacketType::puback;
  std::uint16_t packet_id = 0;
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};

/// One entry of a SUBSCRIBE or UNSUBSCRIBE payload.
struct FilterEntry {
  std::string_view filter;
  std::uint8_t options = 0;  // SUBSCRIBE only
  Bytes raw;                 // the entry as on the wire
  [[nodiscard]] std::uint8_t qos() const { return options & 0x03; }
};
/// Takes the first entry off a validated payload. False at the end.
[[nodiscard]] bool next_filter(PacketType type, Bytes& rest, FilterEntry& out);

/// 3.8, 3.10
struct Subscribe {
  PacketType type = PacketType::subscribe;  // or unsubscribe
  std::uint16_t packet_id = 0;
  std::uint32_t subscription_id = 0;  // 0: none
  std::uint32_t count = 0;            // entries in `payload`
  Bytes payload;                      // validated; walk it with next_filter()
  /// The packet is well-formed and its properties go beyond a bound, so it goes no further and can
  /// be answered. What CONNECT, acknowledgements, DISCONNECT and AUTH have too much of is an error
  /// of their decoders: they have no such answer.
  std::optional<Malformed> over = {};
  /// An entry is beyond a bound, see entry_over(), or there are more of them than max_filters.
  bool entries_over = false;
  Properties properties;
};

/// 3.9, 3.11
struct Suback {
  PacketType type = PacketType::suback;  // or unsuback
  std::uint16_t packet_id = 0;
  Bytes codes;  // empty for UNSUBACK of 3.x
  Properties properties;
};

/// 3.14
struct Disconnect {
  ReasonCode reason = ReasonCode::success;
  std::optional<std::uint32_t> session_expiry;
  Properties properties;
};

/// 3.15
struct Auth {
  ReasonCode reason = ReasonCode::success;
  std::optional<std::string_view> authentication_method;
  Properties properties;
};

/// Decoders. `frame` comes from next_frame(), `from` and `version` are those given to it.
/// decode_connect() learns the version from the packet itself; an unsupported one is
/// {protocol_version, unsupported_protocol_version}.
[[nodiscard]] Decoded<Connect> decode_connect(const Frame& frame, const Bounds& bounds);
/// With `tolerated`, which collects them, a decoder accepts what clients tolerate of a broker:
/// flags and codes of CONNACK whatever they say, a Maximum QoS of 2, reason codes that belong to
/// other packets, codes of SUBACK that are failures whatever they say.
[[nodiscard]] Decoded<Connack> decode_connack(const Frame& frame, Version version,
                                              const Bounds& bounds, CheckSet* tolerated = nullptr);
[[nodiscard]] Decoded<Publish> decode_publish(const Frame& frame, Side from, Version version,
                                              const Bounds& bounds);
[[nodiscard]] Decoded<Ack> decode_ack(const Frame& frame, Side from, Version version,
                                      const Bounds& bounds, CheckSet* tolerated = nullptr);
/// SUBSCRIBE and UNSUBSCRIBE.
[[nodiscard]] Decoded<Subscribe> decode_subscribe(const Frame& frame, Version version,
                                                  const Bounds& bounds);
/// Returns what bound an entry of such a packet is beyond by itself; returns none if there is none.
[[nodiscard]] std::optional<Malformed> entry_over(const FilterEntry& entry, Version version,
                                                  const Bounds& bounds);
/// SUBACK and UNSUBACK.
[[nodiscard]] Decoded<Suback> decode_suback(const Frame& frame, Version version,
                                            const Bounds& bounds, CheckSet* tolerated = nullptr);
[[nodiscard]] Decoded<Disconnect> decode_disconnect(const Frame& frame, Side from, Version version,
                                                    const Bounds& bounds,
                                                    CheckSet* tolerated = nullptr);
[[nodiscard]] Decoded<Auth> decode_auth(const Frame& frame, Side from, const Bounds& bounds);

}  // namespace sallyport::mqtt
