#include "known_paths.h"

#include <vector>

#include "sallyport/attributes.h"

#include "config/gateway_file.h"

namespace sallyport::config::test {

const std::set<std::string>& known_paths() {
  static const std::set<std::string> kPaths = [] {
    std::set<std::string> paths;
    const auto add = [&paths](const std::string& table, const std::vector<std::string>& keys) {
      for (const std::string& key : keys) paths.insert(table + key);
    };
    // What the tables say of gateway.toml is held against the reference in reference_test.cc.
    GatewayOptions options;
    options.listeners.emplace_back();
    std::vector<std::string> limits;
    for (const KeyInfo& key : list_gateway_keys(options)) {
      const std::size_t dot = key.path.find('.');
      const std::string section = key.path.substr(0, dot);
      paths.insert(section);
      paths.insert(section + (section == "listener" ? "[]" : "") + key.path.substr(dot));
      if (section == "limits") limits.push_back(key.path.substr(dot + 1));
    }
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
