#include "sallyport/bounds.h"

namespace sallyport {

Bounds strictest(const Bounds& a, const Bounds& b) {
  // A new field makes this line fail to compile, so that nobody forgets it below.
  [[maybe_unused]] const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
                                f16, f17, f18, f19, f20] = a;
  Bounds out;
  out.max_packet_before_connect =
      std::min(a.max_packet_before_connect, b.max_packet_before_connect);
  out.connect_timeout = std::min(a.connect_timeout, b.connect_timeout);
  out.max_packet = std::min(a.max_packet, b.max_packet);
  out.max_topic_length = std::min(a.max_topic_length, b.max_topic_length);
  out.max_topic_levels = std::min(a.max_topic_levels, b.max_topic_levels);
  out.max_client_id_length = std::min(a.max_client_id_length, b.max_client_id_length);
  out.client_id_characters = a.client_id_characters & b.client_id_characters;
  out.max_will_payload = std::min(a.max_will_payload, b.max_will_payload);
  out.max_filters = std::min(a.max_filters, b.max_filters);
  out.max_subscriptions = std::min(a.max_subscriptions, b.max_subscriptions);
  out.max_user_properties = std::min(a.max_user_properties, b.max_user_properties);
  out.max_user_property_bytes = std::min(a.max_user_property_bytes, b.max_user_property_bytes);
  out.max_topic_aliases = std::min(a.max_topic_aliases, b.max_topic_aliases);
  out.max_qos2_in_flight = std::min(a.max_qos2_in_flight, b.max_qos2_in_flight);
  out.max_requests = std::min(a.max_requests, b.max_requests);
  out.max_keep_alive = std::min(a.max_keep_alive, b.max_keep_alive);
  out.min_keep_alive = std::min(std::max(a.min_keep_alive, b.min_keep_alive), out.max_keep_alive);
  out.refuse_mqtt3_keep_alive = a.refuse_mqtt3_keep_alive || b.refuse_mqtt3_keep_alive;
  out.refuse_control_characters = a.refuse_control_characters || b.refuse_control_characters;
  out.bridges = a.bridges && b.bridges;
  return out;
}

}  // namespace sallyport
