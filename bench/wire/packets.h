#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sallyport/bytes.h"
#include "sallyport/mqtt.h"

/// The packets that only clients make, which the gateway itself never has to.
///
/// Every function appends to `out`. Input is the caller's own: strings over 65,535 bytes and
/// packets over kMaxRemainingLength are std::length_error.
namespace sallyport::bench {

struct Will {
  std::string_view topic;
  Bytes payload;
  std::uint8_t qos = 0;
};

struct Connect {
  mqtt::Version version = mqtt::Version::v3_1_1;
  std::string_view client_id;
  std::uint16_t keep_alive = 0;  // seconds
  std::optional<Will> will = {};
  std::optional<std::string_view> username = {};
  std::optional<std::string_view> password = {};
};
/// With a clean session.
void append_connect(const Connect& connect, Buffer& out);

struct Publish {
  mqtt::Version version = mqtt::Version::v3_1_1;
  std::string_view topic;
  std::uint8_t qos = 0;
  std::uint16_t packet_id = 0;  // QoS 1 and 2
};
/// A PUBLISH of `size` payload bytes, all of them `x`. Without properties in 5.0.
void append_publish(const Publish& publish, std::size_t size, Buffer& out);
/// Where in such a PUBLISH, counted from its first byte, the packet identifier stands (QoS > 0).
[[nodiscard]] std::size_t packet_id_offset(const Publish& publish, std::size_t size);

void append_subscribe(mqtt::Version version, std::uint16_t packet_id,
                      std::span<const std::string_view> filters, std::uint8_t qos, Buffer& out);
/// DISCONNECT without a reason: a normal end in every version.
void append_disconnect(Buffer& out);

}  // namespace sallyport::bench
