#pragma once

#include <span>
#include <string>

#include "sallyport/mqtt.h"

namespace sallyport::fuzz {

/// The seven bytes of a record behind its first, which say what a packet is like.
using Fields = std::span<const std::uint8_t, 7>;

/// Returns the choice that a byte of the input makes.
template <typename T, std::size_t n>
[[nodiscard]] T pick(const T (&choices)[n], unsigned byte) {
  return choices[byte % n];
}

/// A packet that `side` may send, mostly a valid one, with topics, identifiers and properties from
/// small sets, so that packets have to do with each other. 0 makes the plainest packet of its kind.
[[nodiscard]] std::string make_connect(mqtt::Version version, Fields fields);
[[nodiscard]] std::string make_connack(mqtt::Version version, Fields fields);
[[nodiscard]] std::string make_publish(mqtt::Version version, Side side, Fields fields);
[[nodiscard]] std::string make_ack(mqtt::Version version, Fields fields);
[[nodiscard]] std::string make_subscribe(mqtt::Version version, bool unsubscribe, Fields fields);
[[nodiscard]] std::string make_suback(mqtt::Version version, bool unsubscribe, Fields fields);
[[nodiscard]] std::string make_disconnect(mqtt::Version version, Side side, Fields fields);
[[nodiscard]] std::string make_auth(Fields fields);

}  // namespace sallyport::fuzz
