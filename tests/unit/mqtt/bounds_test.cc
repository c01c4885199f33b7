#include "sallyport/bounds.h"

#include <doctest/doctest.h>

namespace sallyport::mqtt::test {

namespace {

Characters letters(std::string_view text) {
  Characters set = Characters::none();
  for (const char c : text) set.add(c);
  return set;
}

}  // namespace

TEST_CASE("the strictest of two sets of limits is the lower of each, whoever sets it") {
  const Bounds wide{.max_packet_before_connect = 200,
                    .connect_timeout = std::chrono::seconds(20),
                    .max_packet = 201,
                    .max_gathered = 216,
                    .max_topic_length = 202,
                    .max_topic_levels = 203,
                    .max_client_id_length = 204,
                    .client_id_characters = {},
                    .max_will_payload = 214,
                    .max_filters = 205,
                    .max_subscriptions = 215,
                    .max_user_properties = 206,
                    .max_user_property_bytes = 207,
                    .max_topic_aliases = 208,
                    .max_qos2_in_flight = 209,
                    .max_deliveries = 217,
                    .max_requests = 210,
                    .max_delivery = 216,
                    .max_delivery_topic = 217,
                    .min_keep_alive = 12,
                    .max_keep_alive = 211,
                    .max_pause = std::chrono::seconds(218),
                    .refuse_mqtt3_keep_alive = false,
                    .refuse_control_characters = false,
                    .bridges = true};
  const Bounds tight{.max_packet_before_connect = 100,
                     .connect_timeout = std::chrono::seconds(10),
                     .max_packet = 101,
                     .max_gathered = 116,
                     .max_topic_length = 102,
                     .max_topic_levels = 103,
                     .max_client_id_length = 104,
                     .client_id_characters = letters("ab"),
                     .max_will_payload = 114,
                     .max_filters = 105,
                     .max_subscriptions = 115,
                     .max_user_properties = 106,
                     .max_user_property_bytes = 107,
                     .max_topic_aliases = 108,
                     .max_qos2_in_flight = 109,
                     .max_deliveries = 117,
                     .max_requests = 110,
                     .max_delivery = 116,
                     .max_delivery_topic = 117,
                     .min_keep_alive = 13,
                     .max_keep_alive = 111,
                     .max_pause = std::chrono::seconds(118),
                     .refuse_mqtt3_keep_alive = true,
                     .refuse_control_characters = true,
                     .bridges = false};
  CHECK(strictest(wide, tight) == tight);
  CHECK(strictest(tight, wide) == tight);
  CHECK(strictest(wide, wide) == wide);
  // One field of each.
  Bounds mixed = wide;
  mixed.max_filters = 1;
  Bounds expected = tight;
  expected.max_filters = 1;
  CHECK(strictest(mixed, tight) == expected);
}

TEST_CASE("the highest max_packet and max_keep_alive are no bounds") {
  Bounds bounds;
  CHECK(bounds.packet_bound() == bounds.max_packet);
  CHECK(bounds.bounds_keep_alive());
  bounds.max_packet = 256 * 1024 * 1024;
  bounds.max_keep_alive = UINT16_MAX;
  CHECK(bounds.packet_bound() == UINT32_MAX);
  CHECK_FALSE(bounds.bounds_keep_alive());
  bounds.max_packet -= 1;
  bounds.max_keep_alive -= 1;
  CHECK(bounds.packet_bound() == bounds.max_packet);
  CHECK(bounds.bounds_keep_alive());
}

TEST_CASE("unbounded() lowers nothing") {
  Bounds bounds;
  CHECK(strictest(bounds, unbounded()) == bounds);
  bounds = strictest(unbounded(), unbounded());
  CHECK(bounds == unbounded());
  CHECK(bounds.max_packet == UINT32_MAX);
  CHECK(bounds.max_subscriptions == UINT16_MAX);
  CHECK(bounds.min_keep_alive == 1);
}

TEST_CASE("a minimum from one side and a lower maximum from the other: the maximum is both") {
  Bounds long_ones;
  long_ones.min_keep_alive = 100;
  Bounds short_ones;
  short_ones.max_keep_alive = 10;
  for (const Bounds& bounds :
       {strictest(long_ones, short_ones), strictest(short_ones, long_ones)}) {
    CHECK(bounds.min_keep_alive == 10);
    CHECK(bounds.max_keep_alive == 10);
  }
}

TEST_CASE("sets of characters") {
  const Characters all;
  CHECK(all.contain_all(""));
  CHECK(all.contain_all("a\x01~\x7F ger\xC3\xA4t"));
  const Characters none = Characters::none();
  CHECK(none.contain_all(""));
  for (int c = 0; c < 256; ++c) CHECK_FALSE(none.contains(static_cast<char>(c)));
  const Characters some = letters("@Az09?");
  for (int c = 0; c < 256; ++c) {
    CAPTURE(c);
    const bool named =
        c < 128 && std::string_view("@Az09?").find(static_cast<char>(c)) != std::string_view::npos;
    CHECK(some.contains(static_cast<char>(c)) == named);
  }
  CHECK(some.contain_all("09@A"));
  CHECK_FALSE(some.contain_all("09@a"));
  CHECK_FALSE(some.contain_all("\xC3\xA4"));
  CHECK((some & all) == some);
  CHECK((some & letters("zA!")) == letters("Az"));
  CHECK((all & none) == none);
}

}  // namespace sallyport::mqtt::test
