#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sallyport/packet.h"

#include "mqtt/reader.h"

/// Property blocks of MQTT 5. 2.2.2
namespace sallyport::mqtt {

/// Where a property block stands, which decides what may be in it. Directions are told apart where
/// the standard does.
enum class Place : std::uint8_t {
  connect,
  will,
  connack,
  publish_from_client,
  publish_from_broker,
  ack,  // PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK
  subscribe,
  unsubscribe,
  disconnect_from_client,
  disconnect_from_broker,
  auth,
};

/// How a property's value is written. 2.2.2.2
enum class PropertyKind : std::uint8_t { none, flag, u16, u32, varint, text, binary, pair };

struct PropertyRule {
  PropertyKind kind = PropertyKind::none;  // none: there is no such property
  std::uint16_t places = 0;                // bit per Place
  bool not_zero = false;
  bool repeatable = false;  // in PUBLISH; elsewhere only user properties are

  [[nodiscard]] bool allowed(Place place) const {
    return (places >> static_cast<unsigned>(place) & 1) != 0;
  }
};

/// By the first byte of a property; all identifiers are less than 128.
[[nodiscard]] const PropertyRule& property_rule(std::uint8_t id);

/// What decoders want to know of a block. Values are meaningful where has() says so.
struct PropertyValues {
  std::uint64_t seen = 0;
  CheckSet* tolerated = nullptr;  // collects what clients tolerate; null: nothing is tolerated
  std::array<std::uint32_t, 0x2B> numbers;  // not initialised: most blocks hold one or two
  std::string_view response_topic;
  std::string_view authentication_method;
  std::string_view assigned_client_id;
  std::optional<Malformed> over;  // the first bound that the block is beyond

  [[nodiscard]] bool has(Property id) const { return (seen >> static_cast<unsigned>(id) & 1) != 0; }
  [[nodiscard]] std::uint32_t number(Property id, std::uint32_t where_absent) const {
    return has(id) ? numbers[static_cast<std::size_t>(id)] : where_absent;
  }
};

/// Reads a property length and the block behind it, and checks all of it: identifiers by place,
/// once only, values, strings and bounds.
[[nodiscard]] std::optional<Malformed> read_properties(Reader& from, Place place,
                                                       const Bounds& bounds, Properties& block,
                                                       PropertyValues& values);
/// The same, but a block that is well-formed and beyond a bound is no error: it is read to its end,
/// and `values.over` tells. For packets that can be answered.
[[nodiscard]] std::optional<Malformed> read_any_properties(Reader& from, Place place,
                                                           const Bounds& bounds, Properties& block,
                                                           PropertyValues& values);

/// Appends the properties of a block that may stand there, as they are: what clients tolerate, and
/// of those that may stand there once the first. Returns false if the block holds something that is
/// no property, whose end therefore nobody knows.
[[nodiscard]] bool copy_good_properties(Bytes block, Place place, Buffer& out);

}  // namespace sallyport::mqtt
