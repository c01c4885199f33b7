#include <cstddef>

#include "sallyport/packet.h"
#include "sallyport/topic.h"

#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/refusal.h"
#include "mqtt/varint.h"

/// CONNECT. 3.1
namespace sallyport::mqtt {

namespace {

constexpr Malformed kTruncated = malformed(Check::truncated);
constexpr std::uint8_t kBridgeBit = 0x80;  // Mosquitto's mark for a bridge, on top of the level

constexpr std::uint8_t kReserved = 0x01;
constexpr std::uint8_t kCleanStart = 0x02;
constexpr std::uint8_t kWill = 0x04;
constexpr std::uint8_t kWillRetain = 0x20;
constexpr std::uint8_t kPassword = 0x40;
constexpr std::uint8_t kUsername = 0x80;
constexpr std::uint8_t will_qos(std::uint8_t flags) { return flags >> 3 & 0x03; }

/// One CONNECT on its way from bytes to a value. Each step takes what it reads.
class ConnectDecoder final {
 public:
  ConnectDecoder(const Frame& frame, const Bounds& bounds)
      : frame_(frame), bounds_(bounds), from_(frame.body()) {}
  ConnectDecoder(const ConnectDecoder&) = delete;
  ConnectDecoder& operator=(const ConnectDecoder&) = delete;

  Decoded<Connect> run() {
    using Step = std::optional<Malformed> (ConnectDecoder::*)();
    for (const Step step :
         {&ConnectDecoder::protocol, &ConnectDecoder::flags, &ConnectDecoder::variable_header,
          &ConnectDecoder::client_id, &ConnectDecoder::will, &ConnectDecoder::credentials}) {
      if (const auto bad = (this->*step)()) return std::unexpected(*bad);
    }
    if (!from_.done()) return std::unexpected(malformed(Check::trailing_bytes));
    return out_;
  }

 private:
  std::optional<Malformed> protocol() {
    constexpr Malformed kName{Check::protocol_name, ReasonCode::unsupported_protocol_version};
    constexpr Malformed kLevel{Check::protocol_version, ReasonCode::unsupported_protocol_version};
    std::string_view name;
    std::uint8_t level = 0;
    if (!from_.text(name)) return kTruncated;
    if (name != "MQTT" && name != "MQIsdp") return kName;  // [MQTT-3.1.2-1]
    if (!from_.u8(level)) return kTruncated;
    out_.bridge = (level & kBridgeBit) != 0;
    if (out_.bridge && !bounds_.bridges) return kLevel;
    level = static_cast<std::uint8_t>(level & ~kBridgeBit);
    // Name and level go together; no broker is asked to guess. [MQTT-3.1.2-2]
    if (name == "MQIsdp" ? level != 3 : level != 4 && (level != 5 || out_.bridge)) return kLevel;
    out_.version = static_cast<Version>(level);
    // What the framer could not look at without the version: 3.1 does not use these bits, and 5.0
    // wants the shortest form. [MQTT-2.2.2-2] [MQTT-1.5.5-1]
    if (frame_.header.flags != 0 && !is_v3_1()) return malformed(Check::fixed_header_flags);
    if (is_v5() && frame_.header.size != 1 + varint_size(frame_.header.remaining_length)) {
      return malformed(Check::remaining_length);
    }
    return std::nullopt;
  }

  std::optional<Malformed> flags() {
    if (!from_.u8(flags_)) return kTruncated;
    out_.clean_start = (flags_ & kCleanStart) != 0;
    if (will_qos(flags_) == 3 && (has(kWill) || !is_v3_1())) {
      return malformed(Check::qos);  // [MQTT-3.1.2-14 (3.1.1)] [MQTT-3.1.2-12 (5.0)]
    }
    // 3.1 gives the lowest bit no meaning, and the Will's bits none without a Will. 3.1 (3.1)
    if (!is_v3_1()) {
      if (has(kReserved)) return malformed(Check::connect_flags);  // [MQTT-3.1.2-3]
      if (!has(kWill) && (will_qos(flags_) != 0 || has(kWillRetain))) {
        // [MQTT-3.1.2-13] [MQTT-3.1.2-15 (3.1.1)] [MQTT-3.1.2-11] [MQTT-3.1.2-13 (5.0)]
        return protocol_error(Check::connect_flags);
      }
    }
    // A password alone came with 5.0. [MQTT-3.1.2-22 (3.1.1)]
    if (has(kPassword) && !has(kUsername) && !is_v5()) return protocol_error(Check::connect_flags);
    return std::nullopt;
  }

  std::optional<Malformed> variable_header() {
    if (!from_.u16(out_.keep_alive)) return kTruncated;
    if (!is_v5()) return std::nullopt;
    PropertyValues values;
    if (const auto bad = read_properties(from_, Place::connect, bounds_, out_.properties, values)) {
      return bad;
    }
    out_.session_expiry = values.number(Property::session_expiry_interval, 0);
    out_.receive_maximum =
        static_cast<std::uint16_t>(values.number(Property::receive_maximum, 65'535));
    if (values.has(Property::maximum_packet_size)) {
      out_.maximum_packet_size = values.number(Property::maximum_packet_size, 0);
    }
    out_.topic_alias_maximum =
        static_cast<std::uint16_t>(values.number(Property::topic_alias_maximum, 0));
    out_.request_problem_information = values.number(Property::request_problem_information, 1) != 0;
    out_.request_response_information =
        values.number(Property::request_response_information, 0) != 0;
    if (values.has(Property::authentication_method)) {
      out_.authentication_method = values.authentication_method;
    } else if (values.has(Property::authentication_data)) {
      return protocol_error(Check::auth_method);  // 3.1.2.11.10
    }
    return std::nullopt;
  }

  std::optional<Malformed> client_id() {
    constexpr auto kReason = ReasonCode::client_identifier_not_valid;
    if (!from_.text(out_.client_id)) return kTruncated;  // [MQTT-3.1.3-3]
    if (out_.client_id.size() > bounds_.max_client_id_length) {
      return Malformed{Check::client_id_too_long, kReason};
    }
    if (const auto bad = check_text(out_.client_id)) return bad;  // [MQTT-3.1.3-4]
    // [MQTT-3.1.3-5]: a server takes these of 0-9a-zA-Z at least, and may take more.
    if (!bounds_.client_id_characters.contain_all(out_.client_id)) {
      return Malformed{Check::client_id_characters, kReason};
    }
    // 3.1 wants one character at least; 3.1.1 lets the server choose an identifier, but not for a
    // session that is to be found again [MQTT-3.1.3-7] [MQTT-3.1.3-8]; 5.0 tells the client which.
    if (out_.client_id.empty() && !is_v5() && (is_v3_1() || !out_.clean_start)) {
      return Malformed{Check::client_id_invalid, kReason};
    }
    return std::nullopt;
  }

  std::optional<Malformed> will() {
    if (!has(kWill)) return std::nullopt;
    Will& will = out_.will.emplace();
    will.qos = will_qos(flags_);
    will.retain = has(kWillRetain);
    if (is_v5()) {
      PropertyValues values;
      if (const auto bad = read_properties(from_, Place::will, bounds_, will.properties, values)) {
        return bad;
      }
      if (values.has(Property::response_topic)) will.response_topic = values.response_topic;
    }
    Bytes payload;
    if (!from_.text(will.topic)) return kTruncated;
    // It will be published, so it must be what a PUBLISH may carry. [MQTT-3.1.3-10 (3.1.1)]
    if (const auto bad = check_topic_name(will.topic, bounds_)) {
      return topic_refusal(*bad, ReasonCode::topic_name_invalid);
    }
    if (!from_.binary(payload)) return kTruncated;
    will.payload = payload;
    if (payload.size() > bounds_.max_will_payload) return over_quota(Check::will_too_large);
    return std::nullopt;
  }

  std::optional<Malformed> credentials() {
    if (has(kUsername) && !missing_in_v3_1()) {
      std::string_view username;
      if (!from_.text(username)) return kTruncated;
      if (const auto bad = check_text(username)) return bad;  // [MQTT-3.1.3-11 (3.1.1)]
      out_.username = username;
    }
    if (has(kPassword) && !missing_in_v3_1()) {
      Bytes password;
      if (!from_.binary(password)) return kTruncated;
      out_.password = password;
    }
    return std::nullopt;
  }

  /// In 3.1 the Remaining Length wins over the flags: a user name or password that is announced
  /// and not there is not an error. 3.1 (3.1)
  [[nodiscard]] bool missing_in_v3_1() const { return is_v3_1() && from_.done(); }

  [[nodiscard]] std::optional<Malformed> check_text(std::string_view text) const {
    if (const auto bad = check_utf8(text, bounds_.refuse_control_characters)) {
      return malformed(*bad);
    }
    return std::nullopt;
  }

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags_ & flag) != 0; }
  [[nodiscard]] bool is_v5() const { return out_.version == Version::v5; }
  [[nodiscard]] bool is_v3_1() const { return out_.version == Version::v3_1; }

  const Frame& frame_;
  const Bounds& bounds_;
  Reader from_;
  Connect out_;
  std::uint8_t flags_ = 0;
};

}  // namespace

Decoded<Connect> decode_connect(const Frame& frame, const Bounds& bounds) {
  return ConnectDecoder(frame, bounds).run();
}

}  // namespace sallyport::mqtt
