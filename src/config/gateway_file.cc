#include "config/gateway_file.h"

#include "config/endpoint.h"
#include "config/section.h"

namespace sallyport::config {

namespace {

/// In the order of reading: [limits] is what listeners begin with.
std::array<Section, 16> sections() {
  return {broker_section(),  limits_section(), listener_section(), connections_section(),
          workers_section(), turn_section(),   accept_section(),   files_section(),
          ledger_section(),  login_section(),  policy_section(),   observe_section(),
          admin_section(),   log_section(),    drain_section(),    reload_section()};
}

void read_repeated(TableReader& file, const Section& section, const Problems& problems,
                   GatewayOptions& into) {
  const auto nodes = file.tables(section.name);
  const Node* all = file.find(section.name);
  if (all != nullptr && all->kind == Node::Kind::array && all->items.empty()) {
    problems.add(all->at, "no " + std::string(section.name), std::string(section.required));
  }
  for (const Node* node : nodes) {
    TableReader table(problems, *node, "[[" + std::string(section.name) + "]]");
    section.read(table, into);
  }
}

void conflict(const Problems& problems, const Endpoint& second, const Endpoint& first,
              const std::string& hint) {
  problems.add({second.origin.line, second.origin.column},
               "address \"" + second.to_string() + "\" is already used in line " +
                   std::to_string(first.origin.line),
               hint);
}

/// Two parts of one gateway cannot listen on the same address, and must not dial each other.
void check_addresses(const Problems& problems, const GatewayOptions& options) {
  const auto& listeners = options.listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const Endpoint& address = listeners[i].address;
    if (address.port == 0) continue;  // was wrong, and has been reported
    for (std::size_t j = 0; j < i; ++j) {
      if (!same_address(address, listeners[j].address)) continue;
      conflict(problems, address, listeners[j].address,
               "give each listener its own address or port");
      break;
    }
    if (reaches(options.broker.address, address)) {
      conflict(problems, address, options.broker.address,
               "the gateway would dial itself; let the broker listen on another port");
    }
    if (options.observe.address && same_address(*options.observe.address, address)) {
      conflict(problems, *options.observe.address, address, "give [observe] its own port");
    }
  }
}

}  // namespace

GatewayOptions read_gateway_file(const Node& root, const std::string& path, Problems problems) {
  GatewayOptions options;
  options.file = path;
  TableReader file(problems, root, "gateway file");
  file.explain("role", "roles stand in files of their own, which [policy] files names");
  for (const std::string_view name : {"tls", "ssl"}) {
    file.explain(
        name,
        "it belongs to what speaks TLS: [broker.tls], or [listener.tls] below its [[listener]]");
  }
  for (const Section& section : sections()) {
    if (!section.required.empty()) file.require(section.name, section.required);
    if (section.repeated) {
      read_repeated(file, section, problems, options);
    } else if (auto table = file.table(section.name)) {
      table->rename("[" + std::string(section.name) + "]");
      section.read(*table, options);
    }
  }
  file.finish();
  check_addresses(problems, options);
  return options;
}

std::vector<KeyInfo> list_gateway_keys(const GatewayOptions& options) {
  std::vector<KeyInfo> keys;
  for (const Section& section : sections()) {
    section.list(options, std::string(section.name) + ".", keys);
  }
  return keys;
}

}  // namespace sallyport::config
