#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "sallyport/characters.h"
#include "sallyport/fields.h"
#include "sallyport/time.h"

namespace sallyport {

/// What one connection may ask of the gateway. A listener sets these; a role may lower them
/// (strictest()), never raise them. Sizes in bytes, keep-alive in seconds. A new bound is a field
/// with its default here, and a row of kBounds below.
struct Bounds {
  // Before an accepted CONNECT: an unknown peer gets little room and little time.
  std::uint32_t max_packet_before_connect = 16 * 1024;
  Duration connect_timeout = std::chrono::seconds(10);  // TLS handshake and CONNECT together

  std::uint32_t max_packet = 256 * 1024;  // whole control packet, from the client
  /// Of one packet, before it can be decided: all of it, of a PUBLISH what stands before its
  /// payload.
  std::uint32_t max_gathered = 128 * 1024;
  std::uint16_t max_topic_length = 1024;
  std::uint16_t max_topic_levels = 32;
  std::uint16_t max_client_id_length = 128;
  Characters client_id_characters;  // of what a client calls itself
  std::uint16_t max_will_payload = 16 * 1024;
  std::uint16_t max_filters = 512;         // of one SUBSCRIBE; those behind are refused one by one
  std::uint16_t max_subscriptions = 1000;  // that one connection makes, and holds
  std::uint16_t max_user_properties = 20;
  std::uint32_t max_user_property_bytes = 4096;
  std::uint16_t max_topic_aliases = 16;    // each direction
  std::uint16_t max_qos2_in_flight = 100;  // from the client, not yet completed
  std::uint16_t max_deliveries = 1024;     // to the client, of QoS 1 and 2, that are followed
  std::uint16_t max_requests = 64;         // SUBSCRIBEs refused in part and not yet answered
  // Of what the client gets. Devices that cannot say what they take may have less room than that.
  std::uint32_t max_delivery = 256 * 1024 * 1024;  // whole control packet; this: no bound
  std::uint16_t max_delivery_topic = UINT16_MAX;
  std::uint16_t min_keep_alive = 1;
  std::uint16_t max_keep_alive = 1200;  // also applied where a client asks for none
  Duration max_pause =
      std::chrono::seconds(30);           // of a throttled client, if its keep-alive is long
  bool refuse_mqtt3_keep_alive = false;   // out of these two, where it cannot be corrected
  bool refuse_control_characters = true;  // U+0001..U+001F, U+007F..U+009F, non-characters
  bool bridges = false;                   // accept protocol levels 0x83 and 0x84

  /// Returns `max_packet`, or that there is no bound where it is as large as packets can be: 256
  /// MiB stand for the largest one, which has four bytes more. 2.2.3 (3.1.1)
  [[nodiscard]] constexpr std::uint32_t packet_bound() const;
  /// Returns whether `max_keep_alive` bounds anything: its highest value allows all that CONNECT
  /// can ask for, and no keep-alive as well. 3.1.2.10
  [[nodiscard]] constexpr bool bounds_keep_alive() const;

  [[nodiscard]] friend bool operator==(const Bounds&, const Bounds&) = default;
};

/// What a bound counts, and so how files write it.
enum class Unit : std::uint8_t {
  bytes,
  items,
  seconds,       // MQTT counts keep-alive in whole seconds
  milliseconds,  // of a Duration
  characters,
  refusal,  // true: "refuse", false: "pass"
  flag,
};
/// Which of two values restricts a client more. Of two sets of characters it is what is in both.
enum class Stricter : std::uint8_t { smaller, larger };

/// All that the gateway knows of one bound.
struct BoundRow {
  std::string_view name;  // as files and the reference call it
  std::variant<std::uint16_t Bounds::*, std::uint32_t Bounds::*, Duration Bounds::*,
               Characters Bounds::*, bool Bounds::*>
      field;
  Unit unit;
  std::uint64_t least = 0;  // accepted, both inclusive, in `unit`
  std::uint64_t most = 0;
  Stricter stricter = Stricter::smaller;
  bool of_role = true;  // false: it is over before roles are known

  [[nodiscard]] constexpr bool operator==(const BoundRow&) const = default;
};

namespace detail {
/// The largest packet has four bytes more, but nobody could remember that number. 2.2.3
inline constexpr std::uint64_t kMaxPacket = std::uint64_t{256} * 1024 * 1024;
inline constexpr std::uint64_t kMinPacket = 128;  // below that not even a CONNECT fits
inline constexpr std::uint64_t kMaxBeforeConnect = std::uint64_t{1024} * 1024;
inline constexpr std::uint64_t kMost16 = UINT16_MAX;
// What a request asks is looked through once for each of its filters.
inline constexpr std::uint64_t kMostFilters = 4096;
}  // namespace detail

constexpr std::uint32_t Bounds::packet_bound() const {
  return max_packet >= detail::kMaxPacket ? std::numeric_limits<std::uint32_t>::max() : max_packet;
}
constexpr bool Bounds::bounds_keep_alive() const { return max_keep_alive != detail::kMost16; }

/// Every bound once. The reader of files, the reference, unbounded() and strictest() go by it.
inline constexpr auto kBounds = std::to_array<BoundRow>({
    {"max_packet", &Bounds::max_packet, Unit::bytes, detail::kMinPacket, detail::kMaxPacket},
    {"max_packet_before_connect", &Bounds::max_packet_before_connect, Unit::bytes,
     detail::kMinPacket, detail::kMaxBeforeConnect},
    {"max_gathered", &Bounds::max_gathered, Unit::bytes, detail::kMinPacket, detail::kMaxPacket},
    {.name = "connect_timeout",
     .field = &Bounds::connect_timeout,
     .unit = Unit::milliseconds,
     .least = 100,
     .most = 600'000,
     .of_role = false},
    {"max_client_id_length", &Bounds::max_client_id_length, Unit::bytes, 1, detail::kMost16},
    {"client_id_characters", &Bounds::client_id_characters, Unit::characters},
    {"min_keep_alive", &Bounds::min_keep_alive, Unit::seconds, 1, detail::kMost16,
     Stricter::larger},
    {"max_keep_alive", &Bounds::max_keep_alive, Unit::seconds, 1, detail::kMost16},
    {.name = "mqtt3_keep_alive",
     .field = &Bounds::refuse_mqtt3_keep_alive,
     .unit = Unit::refusal,
     .stricter = Stricter::larger},
    {"max_pause", &Bounds::max_pause, Unit::milliseconds, 100, 600'000},
    {"max_will_payload", &Bounds::max_will_payload, Unit::bytes, 0, detail::kMost16},
    {"max_topic_length", &Bounds::max_topic_length, Unit::bytes, 1, detail::kMost16},
    {"max_topic_levels", &Bounds::max_topic_levels, Unit::items, 1, detail::kMost16},
    {"max_filters", &Bounds::max_filters, Unit::items, 1, detail::kMostFilters},
    {"max_subscriptions", &Bounds::max_subscriptions, Unit::items, 0, detail::kMost16},
    {"max_requests", &Bounds::max_requests, Unit::items, 1, detail::kMost16},
    {"max_qos2_in_flight", &Bounds::max_qos2_in_flight, Unit::items, 1, detail::kMost16},
    {"max_deliveries", &Bounds::max_deliveries, Unit::items, 1, detail::kMost16},
    {"max_delivery", &Bounds::max_delivery, Unit::bytes, detail::kMinPacket, detail::kMaxPacket},
    {"max_delivery_topic", &Bounds::max_delivery_topic, Unit::bytes, 1, detail::kMost16},
    {"max_topic_aliases", &Bounds::max_topic_aliases, Unit::items, 0, detail::kMost16},
    {"max_user_properties", &Bounds::max_user_properties, Unit::items, 0, detail::kMost16},
    {"max_user_property_bytes", &Bounds::max_user_property_bytes, Unit::bytes, 0,
     detail::kMaxPacket},
    {.name = "control_characters",
     .field = &Bounds::refuse_control_characters,
     .unit = Unit::refusal,
     .stricter = Stricter::larger},
    {"bridges", &Bounds::bridges, Unit::flag},
});

namespace detail {
consteval bool every_bound_has_one_row() {
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (kBounds[i].field == kBounds[j].field || kBounds[i].name == kBounds[j].name) return false;
    }
  }
  return kBounds.size() == count_fields<Bounds>();
}
static_assert(every_bound_has_one_row(), "a bound is a field of Bounds and a row of kBounds");

template <typename Function, std::size_t... kIndex>
constexpr void for_each_bound(Function function, std::index_sequence<kIndex...>) {
  (function(kBounds[kIndex], std::get<kBounds[kIndex].field.index()>(kBounds[kIndex].field)), ...);
}
}  // namespace detail

/// Calls `function(row, field)` for every row, the field with its own type.
template <typename Function>
constexpr void for_each_bound(Function function) {
  detail::for_each_bound(function, std::make_index_sequence<kBounds.size()>());
}

/// The bounds that lower no others.
[[nodiscard]] constexpr Bounds unbounded() {
  Bounds bounds;
  for_each_bound([&bounds](const BoundRow& row, auto field) {
    using Value = std::remove_reference_t<decltype(bounds.*field)>;
    if constexpr (std::is_same_v<Value, Characters>) {
      bounds.*field = Characters();
    } else if constexpr (std::is_same_v<Value, Duration>) {
      bounds.*field = row.stricter == Stricter::smaller ? Duration::max() : Duration::zero();
    } else {
      bounds.*field = row.stricter == Stricter::smaller ? std::numeric_limits<Value>::max()
                                                        : static_cast<Value>(row.least);
    }
  });
  return bounds;
}

/// Field by field the stricter of both. Where that leaves a minimum above its maximum, the maximum
/// is both.
[[nodiscard]] Bounds strictest(const Bounds& a, const Bounds& b);

}  // namespace sallyport
