#include "known_paths.h"

#include <vector>

#include "sallyport/attributes.h"

namespace sallyport::config::test {

const std::set<std::string>& known_paths() {
  static const std::set<std::string> kPaths = [] {
    std::set<std::string> paths;
    const auto add = [&paths](const std::string& table, const std::vector<std::string>& keys) {
      for (const std::string& key : keys) paths.insert(table + key);
    };
    const std::vector<std::string> limits = {
        "max_packet",        "max_packet_before_connect", "connect_timeout",
        "max_topic_length",  "max_topic_levels",          "max_client_id_length",
        "max_filters",       "max_user_properties",       "max_user_property_bytes",
        "max_topic_aliases", "max_qos2_in_flight",        "max_requests",
        "max_keep_alive",    "control_characters",        "bridges",
        "min_keep_alive",    "mqtt3_keep_alive",          "client_id_characters",
        "max_will_payload",  "max_subscriptions"};
    add("", {"broker", "limits", "listener", "workers", "policy", "observe", "log", "drain"});
    add("broker.", {"address", "tls", "connect_timeout", "connack_timeout"});
    add("broker.tls.", {"ca", "server_name", "certificate", "key", "min_version"});
    add("limits.", limits);
    add("listener[].", {"name", "address", "tls", "max_connections", "max_connections_per_address",
                        "connects_per_client", "connect_burst", "limits"});
    add("listener[].limits.", limits);
    add("listener[].tls.",
        {"certificate", "key", "client_ca", "client_certificate", "min_version"});
    add("workers.", {"count"});
    add("policy.", {"files"});
    add("observe.", {"address", "audit_log", "audit_queue"});
    add("log.", {"level"});
    add("drain.", {"timeout"});
    add("", {"role"});
    add("role[].", {"name", "match", "client_id", "limits", "on_deny", "allow", "deny"});
    for (const Attribute& row : kAttributes) paths.insert("role[].match." + std::string(row.match));
    add("role[].limits.", {"messages", "burst", "bytes", "on_exceed"});
    add("role[].limits.", limits);
    add("role[].on_deny.", {"mqtt3", "mqtt5"});
    for (const std::string kind : {"role[].allow[].", "role[].deny[]."}) {
      add(kind,
          {"id", "publish", "subscribe", "max_qos", "retain", "max_payload", "limit", "on_deny"});
      add(kind + "limit.", {"messages", "burst", "bytes", "on_exceed"});
      add(kind + "on_deny.", {"mqtt3", "mqtt5"});
    }
    return paths;
  }();
  return kPaths;
}

std::string unknown_key(const Node& node, const std::string& path) {
  for (const Node& item : node.items) {
    if (auto found = unknown_key(item, path + "[]"); !found.empty()) return found;
  }
  for (const Member& member : node.members) {
    const std::string here = path.empty() ? member.key : path + "." + member.key;
    if (!known_paths().contains(here)) return here;
    if (auto found = unknown_key(member.value, here); !found.empty()) return found;
  }
  return "";
}

}  // namespace sallyport::config::test
