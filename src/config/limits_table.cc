#include "config/limits_table.h"

#include <algorithm>
#include <array>

#include "sallyport/mqtt.h"

namespace sallyport::config {

namespace {

/// The largest packet has four bytes more, but nobody could remember that number. 2.2.3
constexpr std::uint64_t kMaxPacket = std::uint64_t{256} * 1024 * 1024;
static_assert(kMaxPacket <= std::uint64_t{mqtt::kMaxRemainingLength} + 5);
constexpr std::uint64_t kMinPacket = 128;  // below that not even a CONNECT fits

}  // namespace

void read_limits(TableReader table, Limits& limits) {
  table.size_into("max_packet", limits.max_packet, kMinPacket, kMaxPacket);
  const Node* before = table.find("max_packet_before_connect");
  table.size_into("max_packet_before_connect", limits.max_packet_before_connect, kMinPacket,
                  1024 * 1024);
  if (const auto value = table.duration("connect_timeout", std::chrono::milliseconds(100),
                                        std::chrono::minutes(10))) {
    limits.connect_timeout = *value;
  }
  table.size_into("max_topic_length", limits.max_topic_length, 1);
  table.integer_into("max_topic_levels", limits.max_topic_levels, 1);
  table.size_into("max_client_id_length", limits.max_client_id_length, 1);
  table.integer_into("max_filters", limits.max_filters, 1);
  table.integer_into("max_user_properties", limits.max_user_properties, 0);
  table.size_into("max_user_property_bytes", limits.max_user_property_bytes, 0, kMaxPacket);
  table.integer_into("max_topic_aliases", limits.max_topic_aliases, 0);
  table.integer_into("max_qos2_in_flight", limits.max_qos2_in_flight, 1);
  table.integer_into("max_requests", limits.max_requests, 1);
  // The wire counts keep-alive in whole seconds, in two bytes. [MQTT-3.1.2.10]
  if (const auto value =
          table.duration("max_keep_alive", std::chrono::seconds(1), std::chrono::seconds(65535))) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*value);
    if (seconds != *value) {
      const Node* node = table.find("max_keep_alive");
      table.problems().add(node->at, table.named("max_keep_alive", *node) + " is not whole seconds",
                           "MQTT counts keep-alive in seconds; write \"1 s\" or more");
    } else {
      limits.max_keep_alive = static_cast<std::uint16_t>(seconds.count());
    }
  }
  static constexpr std::array<std::string_view, 2> kControlCharacters = {"refuse", "pass"};
  if (const auto value = table.choice("control_characters", kControlCharacters)) {
    limits.refuse_control_characters = *value == 0;
  }
  if (const auto value = table.boolean("bridges")) limits.bridges = *value;

  // A small max_packet lowers the other limit, too, unless that was written next to it.
  if (limits.max_packet_before_connect > limits.max_packet) {
    if (before != nullptr) {
      table.problems().add(
          before->at,
          table.named("max_packet_before_connect", *before) + " is more than max_packet",
          "a client gets less room before CONNECT than after it");
    } else {
      limits.max_packet_before_connect = limits.max_packet;
    }
  }
  table.finish();
}

}  // namespace sallyport::config
