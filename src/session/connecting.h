#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sallyport/bytes.h"
#include "sallyport/packet.h"
#include "sallyport/policy.h"
#include "sallyport/time.h"

namespace sallyport {

/// What CONNECT says of itself that the session goes by later.
struct ConnectFlags {
  bool clean_start = false;
  bool session_expires = true;  // the Session Expiry Interval is 0
  bool response_information = false;
  bool problem_information = true;
};

/// What CONNACK says that the broker can do. 3.2.2.3.4, 3.2.2.3.5 (5.0)
struct BrokerAbilities {
  bool retains = true;
  std::uint8_t max_qos = 2;
};

/// What a session keeps of the Will that it has sent to the broker.
struct SentWill {
  std::string topic;
  std::uint32_t payload_size;
  std::uint8_t qos;
  bool retain;

  explicit SentWill(const mqtt::Will& will)
      : topic(will.topic), payload_size(will.payload_size()), qos(will.qos), retain(will.retain) {}
  /// Refers to this one.
  [[nodiscard]] policy::PublishRequest request() const {
    return {{topic, qos, retain}, payload_size};
  }
  [[nodiscard]] std::size_t memory() const { return sizeof(*this) + topic.capacity(); }
};

/// A Will that has to be judged once more, when CONNACK has said who the client is.
struct KeptWill {
  std::string topic;
  std::optional<std::string> response_topic;
  Buffer payload;
  std::uint8_t qos = 0;
  bool retain = false;

  explicit KeptWill(const mqtt::Will& will)
      : topic(will.topic), response_topic(will.response_topic), qos(will.qos), retain(will.retain) {
    payload.append(will.payload);
  }
  [[nodiscard]] mqtt::Will view() const {
    return {.topic = topic,
            .payload = payload.bytes(),
            .qos = qos,
            .retain = retain,
            .response_topic = response_topic,
            .properties = {}};
  }
  [[nodiscard]] std::size_t memory() const {
    return sizeof(*this) + topic.capacity() + payload.capacity() +
           (response_topic ? response_topic->capacity() : 0);
  }
};

/// What is needed from an accepted CONNECT to CONNACK and not behind it.
struct Connecting {
  /// CONNECT for the broker, until it has been sent. It ends with the password: this is the only
  /// place where the session keeps that.
  Buffer packet;
  std::size_t password_size = 0;
  std::unique_ptr<KeptWill> will;  // null: there is none, or it need not be judged again
  Instant valid_until = kNever;    // what the authenticator said
  std::uint16_t keep_alive = 0;    // seconds, as CONNECT asks for; 0: none
  bool client_waits = false;       // the client has sent something that has to wait for CONNACK

  Connecting() = default;
  Connecting(const Connecting&) = delete;
  Connecting& operator=(const Connecting&) = delete;
  ~Connecting() { packet.wipe(); }

  [[nodiscard]] Bytes password() const { return packet.bytes().last(password_size); }
  [[nodiscard]] std::size_t memory() const {
    return sizeof(*this) + packet.capacity() + (will ? will->memory() : 0);
  }
};

}  // namespace sallyport
