#include "sallyport/limits.h"

#include <doctest/doctest.h>

namespace sallyport::mqtt::test {

namespace {

bool same(const Limits& a, const Limits& b) {
  return a.max_packet_before_connect == b.max_packet_before_connect &&
         a.connect_timeout == b.connect_timeout && a.max_packet == b.max_packet &&
         a.max_topic_length == b.max_topic_length && a.max_topic_levels == b.max_topic_levels &&
         a.max_client_id_length == b.max_client_id_length && a.max_filters == b.max_filters &&
         a.max_user_properties == b.max_user_properties &&
         a.max_user_property_bytes == b.max_user_property_bytes &&
         a.max_topic_aliases == b.max_topic_aliases &&
         a.max_qos2_in_flight == b.max_qos2_in_flight && a.max_requests == b.max_requests &&
         a.max_keep_alive == b.max_keep_alive &&
         a.refuse_control_characters == b.refuse_control_characters && a.bridges == b.bridges;
}

}  // namespace

TEST_CASE("the strictest of two sets of limits is the lower of each, whoever sets it") {
  const Limits wide{.max_packet_before_connect = 200,
                    .connect_timeout = std::chrono::seconds(20),
                    .max_packet = 201,
                    .max_topic_length = 202,
                    .max_topic_levels = 203,
                    .max_client_id_length = 204,
                    .max_filters = 205,
                    .max_user_properties = 206,
                    .max_user_property_bytes = 207,
                    .max_topic_aliases = 208,
                    .max_qos2_in_flight = 209,
                    .max_requests = 210,
                    .max_keep_alive = 211,
                    .refuse_control_characters = false,
                    .bridges = true};
  const Limits tight{.max_packet_before_connect = 100,
                     .connect_timeout = std::chrono::seconds(10),
                     .max_packet = 101,
                     .max_topic_length = 102,
                     .max_topic_levels = 103,
                     .max_client_id_length = 104,
                     .max_filters = 105,
                     .max_user_properties = 106,
                     .max_user_property_bytes = 107,
                     .max_topic_aliases = 108,
                     .max_qos2_in_flight = 109,
                     .max_requests = 110,
                     .max_keep_alive = 111,
                     .refuse_control_characters = true,
                     .bridges = false};
  CHECK(same(strictest(wide, tight), tight));
  CHECK(same(strictest(tight, wide), tight));
  CHECK(same(strictest(wide, wide), wide));
  // One field of each.
  Limits mixed = wide;
  mixed.max_filters = 1;
  Limits expected = tight;
  expected.max_filters = 1;
  CHECK(same(strictest(mixed, tight), expected));
}

}  // namespace sallyport::mqtt::test
