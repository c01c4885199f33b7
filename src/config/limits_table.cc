#include "config/limits_table.h"

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
  std::variant<std::uint16_t Limits::*, std::uint32_t Limits::*> field;
  std::uint64_t least;
  std::uint64_t most = kMost16;
};
struct Count {
  std::uint16_t Limits::*field;
  std::uint64_t least;
  std::uint64_t most = kMost16;
};
struct Seconds {
  std::uint16_t Limits::*field;
};
struct Time {
  Duration Limits::*field;
};
struct Set {
  Characters Limits::*field;
};
/// "refuse" or "pass"; the field is true where the first is written.
struct Refusal {
  bool Limits::*field;
};
struct Flag {
  bool Limits::*field;
};

struct Key {
  std::string_view name;
  std::variant<Size, Count, Seconds, Time, Set, Refusal, Flag> value;
  bool of_role = true;
};

/// Every key of a table of limits. What stands here is read, is suggested for a slip of the pen,
/// and has to be in the reference.
constexpr auto kKeys = std::to_array<Key>({
    {"max_packet", Size{&Limits::max_packet, kMinPacket, kMaxPacket}},
    {"max_packet_before_connect",
     Size{&Limits::max_packet_before_connect, kMinPacket, kMaxBeforeConnect}},
    {"connect_timeout", Time{&Limits::connect_timeout}, false},
    {"max_client_id_length", Size{&Limits::max_client_id_length, 1}},
    {"client_id_characters", Set{&Limits::client_id_characters}},
    {"min_keep_alive", Seconds{&Limits::min_keep_alive}},
    {"max_keep_alive", Seconds{&Limits::max_keep_alive}},
    {"mqtt3_keep_alive", Refusal{&Limits::refuse_mqtt3_keep_alive}},
    {"max_will_payload", Size{&Limits::max_will_payload, 0}},
    {"max_topic_length", Size{&Limits::max_topic_length, 1}},
    {"max_topic_levels", Count{&Limits::max_topic_levels, 1}},
    {"max_filters", Count{&Limits::max_filters, 1, kMostFilters}},
    {"max_subscriptions", Count{&Limits::max_subscriptions, 0}},
    {"max_requests", Count{&Limits::max_requests, 1}},
    {"max_qos2_in_flight", Count{&Limits::max_qos2_in_flight, 1}},
    {"max_topic_aliases", Count{&Limits::max_topic_aliases, 0}},
    {"max_user_properties", Count{&Limits::max_user_properties, 0}},
    {"max_user_property_bytes", Size{&Limits::max_user_property_bytes, 0, kMaxPacket}},
    {"control_characters", Refusal{&Limits::refuse_control_characters}},
    {"bridges", Flag{&Limits::bridges}},
});

/// Reads one key that is there into its field.
struct Read {
  TableReader& table;
  Limits& limits;
  LimitsOf whose;
  std::string_view key;

  void operator()(const Size& size) const {
    const auto value = table.size(key, size.least, size.most);
    if (!value) return;
    std::visit(
        [&](auto field) {
          auto& number = limits.*field;
          number = static_cast<std::remove_reference_t<decltype(number)>>(*value);
        },
        size.field);
  }
  void operator()(const Count& count) const {
    table.integer_into(key, limits.*count.field, count.least, count.most);
  }
  /// The wire counts keep-alive in whole seconds, in two bytes. 3.1.2.10
  void operator()(const Seconds& seconds) const {
    const auto value = table.duration(key, std::chrono::seconds(1), std::chrono::seconds(kMost16));
    if (!value) return;
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*value);
    if (whole == *value) {
      limits.*seconds.field = static_cast<std::uint16_t>(whole.count());
    } else {
      complain(" is not whole seconds", "MQTT counts keep-alive in seconds; write \"1 s\" or more");
    }
  }
  void operator()(const Time& time) const {
    const auto value =
        table.duration(key, std::chrono::milliseconds(100), std::chrono::minutes(10));
    if (value) limits.*time.field = *value;
  }
  void operator()(const Set& set) const {
    const auto text = table.string(key);
    if (!text) return;
    if (const auto characters = parse_characters(text->value)) {
      limits.*set.field = *characters;
    } else {
      complain(" " + characters.error(), std::string(kCharactersHint));
    }
  }
  void operator()(const Refusal& refusal) const {
    static constexpr std::array<std::string_view, 2> kWords = {"refuse", "pass"};
    const auto value = table.choice(key, kWords);
    if (!value) return;
    if (whose == LimitsOf::role && *value != 0) {
      complain(" would raise a limit, and a role can only lower them",
               "write \"refuse\" or delete the line; \"pass\" is for [limits] and the listener");
      return;
    }
    limits.*refusal.field = *value == 0;
  }
  void operator()(const Flag& flag) const {
    const auto value = table.boolean(key);
    if (!value) return;
    if (whose == LimitsOf::role && *value) {
      complain(" would raise a limit, and a role can only lower them",
               "write false or delete the line; true is for [limits] and the listener");
      return;
    }
    limits.*flag.field = *value;
  }

  void complain(const std::string& what, std::string hint) const {
    const Node* node = table.find(key);
    table.problems().add(node->at, table.named(key, *node) + what, std::move(hint));
  }
};

/// A small max_packet lowers the other limit, too, unless that was written next to it.
void fit_packet_sizes(TableReader& table, Limits& limits) {
  if (limits.max_packet_before_connect <= limits.max_packet) return;
  const Node* before = table.find("max_packet_before_connect");
  if (before == nullptr) {
    limits.max_packet_before_connect = limits.max_packet;
    return;
  }
  table.problems().add(
      before->at, table.named("max_packet_before_connect", *before) + " is more than max_packet",
      "a client gets less room before CONNECT than after it");
}

void check_keep_alive(TableReader& table, const Limits& limits) {
  if (limits.min_keep_alive <= limits.max_keep_alive) return;
  const std::string hint = "a client could keep to no keep-alive at all; the other one is ";
  const auto text = [](std::uint16_t seconds) {
    return "\"" + format_duration(std::chrono::seconds(seconds)) + "\"";
  };
  if (const Node* least = table.find("min_keep_alive")) {
    table.problems().add(least->at,
                         table.named("min_keep_alive", *least) + " is more than max_keep_alive",
                         hint + text(limits.max_keep_alive));
  } else if (const Node* most = table.find("max_keep_alive")) {
    table.problems().add(most->at,
                         table.named("max_keep_alive", *most) + " is less than min_keep_alive",
                         hint + text(limits.min_keep_alive));
  }
}

}  // namespace

bool read_limits(TableReader& table, Limits& limits, LimitsOf whose) {
  bool any = false;
  for (const Key& key : kKeys) {
    if (whose == LimitsOf::role && !key.of_role) {
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
    std::visit(Read{table, limits, whose, key.name}, key.value);
  }
  fit_packet_sizes(table, limits);
  check_keep_alive(table, limits);
  return any;
}

}  // namespace sallyport::config
