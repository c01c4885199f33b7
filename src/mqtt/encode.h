#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sallyport/bytes.h"
#include "sallyport/framer.h"
#include "sallyport/mqtt.h"
#include "sallyport/packet.h"

/// The packets that the gateway makes itself, and the few that it rewrites.
///
/// Every function appends to `out` and leaves what is there alone. The input of a rewrite is a
/// frame that the decoder has accepted; `out` must not be the memory that the frame points into.
namespace sallyport::mqtt {

// Packets of the gateway's own.

/// CONNACK. 3.x: `reason` goes through to_return_code(); 5.0: as it is, without properties. A
/// refusal never says session present [MQTT-3.2.2-4 (3.1.1)] [MQTT-3.2.2-6 (5.0)], nor does 3.1.
/// `server_reference`: for 5.0, as in encode_disconnect().
void encode_connack(Version version, bool session_present, ReasonCode reason, Buffer& out,
                    std::string_view server_reference = {});
/// PUBACK, PUBREC, PUBREL or PUBCOMP. 5.0: the short form where `reason` is success, else with the
/// reason code and no properties. 3.x has no reason.
void encode_ack(PacketType type, Version version, std::uint16_t packet_id, ReasonCode reason,
                Buffer& out);
/// SUBACK or UNSUBACK with these codes, in the order of the request. UNSUBACK of 3.x has none, so
/// `codes` does not matter there. There are fewer than bytes in a packet.
void encode_suback(PacketType type, Version version, std::uint16_t packet_id,
                   std::span<const std::uint8_t> codes, Buffer& out);
void encode_pingreq(Buffer& out);
void encode_pingresp(Buffer& out);
/// DISCONNECT of 5.0. (3.x has none from the broker, and the client's is never ours to send.)
/// `server_reference`: servers, with a space between two of them, at most 65,535 bytes; empty: none
/// is named. 3.14.2.2.5
void encode_disconnect(ReasonCode reason, Buffer& out, std::string_view server_reference = {});
/// So many bytes at most has such a packet beside its Server Reference: header, flags, code, two
/// lengths, the property's identifier and its string's length.
inline constexpr std::size_t kReferralOverhead = 12;

// Rewrites. False: the result would not fit the protocol's own fields (a Remaining Length beyond
// kMaxRemainingLength); nothing was appended.

/// The head of a PUBLISH with `topic` (valid, at most 65,535 bytes) in place of its own. All else
/// is verbatim: flags, packet identifier, properties, the topic alias among them. The payload is
/// not written, only counted: it follows as it did before.
[[nodiscard]] bool rewrite_publish_topic(const Frame& frame, std::string_view topic, Buffer& out);

/// The SUBSCRIBE without the entries that are not kept; the rest verbatim. `keep(index)` is asked
/// for every entry, twice, and must answer the same. At least one entry must be kept, for a
/// SUBSCRIBE without one is a protocol error [MQTT-3.8.3-2].
template <std::predicate<std::size_t> Keep>
[[nodiscard]] bool rewrite_subscribe(const Frame& frame, const Subscribe& packet, Keep keep,
                                     Buffer& out);

/// The SUBACK (or UNSUBACK of 5.0) with `codes` in place of its own; the rest verbatim.
[[nodiscard]] bool rewrite_suback(const Frame& frame, const Suback& packet,
                                  std::span<const std::uint8_t> codes, Buffer& out);

/// A property, and the value that it is to have; none: it is taken out.
struct PropertyChange {
  Property id{};
  std::optional<std::uint32_t> value;
};
/// A CONNECT, CONNACK or DISCONNECT of a broker, of 5.0, with integer properties set, in place
/// where the packet has the property, else behind the last one; and others taken out. Everything
/// else is verbatim, the Will's own properties and the order of the others among it. `changes`
/// names every property once; a value for one that is not an integer property makes the answer
/// false. Values are cut to the property's width by nobody: one that is too wide makes the answer
/// false.
[[nodiscard]] bool rewrite_properties(const Frame& frame, std::span<const PropertyChange> changes,
                                      Buffer& out);

// Details of the template above.
namespace detail {
/// Fixed header with a new Remaining Length. False: more than kMaxRemainingLength.
[[nodiscard]] bool append_header(const Frame& frame, std::size_t remaining_length, Buffer& out);
}  // namespace detail

template <std::predicate<std::size_t> Keep>
bool rewrite_subscribe(const Frame& frame, const Subscribe& packet, Keep keep, Buffer& out) {
  std::size_t kept = 0;
  std::size_t index = 0;
  FilterEntry entry;
  for (Bytes rest = packet.payload; next_filter(packet.type, rest, entry); ++index) {
    if (keep(index)) kept += entry.raw.size();
  }
  // Packet identifier and properties: what stands before the payload.
  const Bytes body = frame.body();
  const Bytes before = body.first(body.size() - packet.payload.size());
  if (kept == 0 || !detail::append_header(frame, before.size() + kept, out)) return false;
  out.append(before);
  index = 0;
  for (Bytes rest = packet.payload; next_filter(packet.type, rest, entry); ++index) {
    if (keep(index)) out.append(entry.raw);
  }
  return true;
}

}  // namespace sallyport::mqtt
