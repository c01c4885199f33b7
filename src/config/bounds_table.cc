#include "config/bounds_table.h"

#include <algorithm>
#include <array>
#include <variant>

#include "sallyport/mqtt.h"

#include "config/characters.h"
#include "config/units.h"

namespace sallyport::config {

namespace {

/// The largest packet has four bytes more, but nobody could remember that number. 2.2.3
constexpr std::uint64_t kMaxPacket = std::uint64_t{256} * 1024 * 1024;
static_assert(kMaxPacket <= std::uint64_t{mqtt::kMaxRemainingLength} + 5);
constexpr std::uint64_t kMinPacket = 128;  // below that not even a CONNECT fits
constexpr std::uint64_t kMaxBeforeConnect = std::uint64_t{1024} * 1024;
constexpr std::uint64_t kMost16 = UINT16_MAX;
// What a request asks is looked through once for each of its filters.
constexpr std::uint64_t kMostFilters = 4096;

// How a value is written, and which field it fills.
struct Size {
  std::variant<std::uint16_t Bounds::*, std::uint32_t Bounds::*> field;
  std::uint64_t least;
  std::uint64_t most = kMost16;
};
struct Count {
  std::uint16_t Bounds::*field;
  std::uint64_t least;
  std::uint64_t most = kMost16;
};
struct Seconds {
  std::uint16_t Bounds::*field;
};
struct Time {
  Duration Bounds::*field;
};
struct Set {
  Characters Bounds::*field;
};
/// "refuse" or "pass"; the field is true where the first is written.
struct Refusal {
  bool Bounds::*field;
};
struct Flag {
  bool Bounds::*field;
};

struct Key {
  std::string_view name;
  std::variant<Size, Count, Seconds, Time, Set, Refusal, Flag> value;
  bool of_role = true;
};

/// Every key of a table of bounds. What stands here is read, is suggested for a slip of the pen,
/// and has to be in the reference.
constexpr auto kKeys = std::to_array<Key>({
    {"max_packet", Size{&Bounds::max_packet, kMinPacket, kMaxPacket}},
    {"max_packet_before_connect",
     Size{&Bounds::max_packet_before_connect, kMinPacket, kMaxBeforeConnect}},
    {"connect_timeout", Time{&Bounds::connect_timeout}, false},
    {"max_client_id_length", Size{&Bounds::max_client_id_length, 1}},
    {"client_id_characters", Set{&Bounds::client_id_characters}},
    {"min_keep_alive", Seconds{&Bounds::min_keep_alive}},
    {"max_keep_alive", Seconds{&Bounds::max_keep_alive}},
    {"mqtt3_keep_alive", Refusal{&Bounds::refuse_mqtt3_keep_alive}},
    {"max_will_payload", Size{&Bounds::max_will_payload, 0}},
    {"max_topic_length", Size{&Bounds::max_topic_length, 1}},
    {"max_topic_levels", Count{&Bounds::max_topic_levels, 1}},
    {"max_filters", Count{&Bounds::max_filters, 1, kMostFilters}},
    {"max_subscriptions", Count{&Bounds::max_subscriptions, 0}},
    {"max_requests", Count{&Bounds::max_requests, 1}},
    {"max_qos2_in_flight", Count{&Bounds::max_qos2_in_flight, 1}},
    {"max_topic_aliases", Count{&Bounds::max_topic_aliases, 0}},
    {"max_user_properties", Count{&Bounds::max_user_properties, 0}},
    {"max_user_property_bytes", Size{&Bounds::max_user_property_bytes, 0, kMaxPacket}},
    {"control_characters", Refusal{&Bounds::refuse_control_characters}},
    {"bridges", Flag{&Bounds::bridges}},
});

/// Reads one key that is there into its field.
struct Read {
  TableReader& table;
  Bounds& bounds;
  BoundsOf whose;
  std::string_view key;

  void operator()(const Size& size) const {
    const auto value = table.size(key, size.least, size.most);
    if (!value) return;
    std::visit(
        [&](auto field) {
          auto& number = bounds.*field;
          number = static_cast<std::remove_reference_t<decltype(number)>>(*value);
        },
        size.field);
  }
  void operator()(const Count& count) const {
    table.integer_into(key, bounds.*count.field, count.least, count.most);
  }
  /// The wire counts keep-alive in whole seconds, in two bytes. 3.1.2.10
  void operator()(const Seconds& seconds) const {
    const auto value = table.duration(key, std::chrono::seconds(1), std::chrono::seconds(kMost16));
    if (!value) return;
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*value);
    if (whole == *value) {
      bounds.*seconds.field = static_cast<std::uint16_t>(whole.count());
    } else {
      complain(" is not whole seconds", "MQTT counts keep-alive in seconds; write \"1 s\" or more");
    }
  }
  void operator()(const Time& time) const {
    const auto value =
        table.duration(key, std::chrono::milliseconds(100), std::chrono::minutes(10));
    if (value) bounds.*time.field = *value;
  }
  void operator()(const Set& set) const {
    const auto text = table.string(key);
    if (!text) return;
    if (const auto characters = parse_characters(text->value)) {
      bounds.*set.field = *characters;
    } else {
      complain(" " + characters.error(), std::string(kCharactersHint));
    }
  }
  void operator()(const Refusal& refusal) const {
    static constexpr std::array<std::string_view, 2> kWords = {"refuse", "pass"};
    const auto value = table.choice(key, kWords);
    if (!value) return;
    if (whose == BoundsOf::role && *value != 0) {
      complain(" would raise a bound, and a role can only lower them",
               "write \"refuse\" or delete the line; \"pass\" is for [limits] and the listener");
      return;
    }
    bounds.*refusal.field = *value == 0;
  }
  void operator()(const Flag& flag) const {
    const auto value = table.boolean(key);
    if (!value) return;
    if (whose == BoundsOf::role && *value) {
      complain(" would raise a bound, and a role can only lower them",
               "write false or delete the line; true is for [limits] and the listener");
      return;
    }
    bounds.*flag.field = *value;
  }

  void complain(const std::string& what, std::string hint) const {
    const Node* node = table.find(key);
    table.problems().add(node->at, table.named(key, *node) + what, std::move(hint));
  }
};

/// A small max_packet lowers the other limit, too, unless that was written next to it.
void fit_packet_sizes(TableReader& table, Bounds& bounds) {
  if (bounds.max_packet_before_connect <= bounds.max_packet) return;
  const Node* before = table.find("max_packet_before_connect");
  if (before == nullptr) {
    bounds.max_packet_before_connect = bounds.max_packet;
    return;
  }
  table.problems().add(
      before->at, table.named("max_packet_before_connect", *before) + " is more than max_packet",
      "a client gets less room before CONNECT than after it");
}

void check_keep_alive(TableReader& table, const Bounds& bounds) {
  if (bounds.min_keep_alive <= bounds.max_keep_alive) return;
  const std::string hint = "a client could keep to no keep-alive at all; the other one is ";
  const auto text = [](std::uint16_t seconds) {
    return "\"" + format_duration(std::chrono::seconds(seconds)) + "\"";
  };
  if (const Node* least = table.find("min_keep_alive")) {
    table.problems().add(least->at,
                         table.named("min_keep_alive", *least) + " is more than max_keep_alive",
                         hint + text(bounds.max_keep_alive));
  } else if (const Node* most = table.find("max_keep_alive")) {
    table.problems().add(most->at,
                         table.named("max_keep_alive", *most) + " is less than min_keep_alive",
                         hint + text(bounds.min_keep_alive));
  }
}

}  // namespace

bool read_bounds(TableReader& table, Bounds& bounds, BoundsOf whose) {
  bool any = false;
  for (const Key& key : kKeys) {
    if (whose == BoundsOf::role && !key.of_role) {
      if (table.has(key.name)) {
        const Node* node = table.find(key.name);
        table.problems().add(node->at, table.named(key.name, *node) + " comes too late",
                             "a role is known once CONNECT is there; write it in [limits] or in "
                             "limits of the listener");
        any = true;
      }
      continue;
    }
    if (table.find(key.name) == nullptr) continue;
    any = true;
    std::visit(Read{table, bounds, whose, key.name}, key.value);
  }
  fit_packet_sizes(table, bounds);
  check_keep_alive(table, bounds);
  return any;
}

}  // namespace sallyport::config
