#include "config/gateway_file.h"

#include <array>
#include <filesystem>

#include "config/bounds_table.h"
#include "config/endpoint.h"
#include "config/name.h"

namespace sallyport::config {

namespace {

constexpr std::array<std::string_view, 2> kVersions = {"1.2", "1.3"};

/// Reads one gateway.toml. One object for each call of read_gateway_file().
class GatewayFile {
 public:
  GatewayFile(const std::string& path, Problems problems)
      : folder_(std::filesystem::path(path).parent_path()), problems_(problems) {
    options_.file = path;
  }

  GatewayOptions read(const Node& root) {
    TableReader file(problems_, root, "gateway file");
    if (auto table = section(file, "limits")) bounds(*table, default_bounds_);
    broker(file);
    listeners(file);
    if (auto workers = section(file, "workers")) {
      workers->integer_into("count", options_.workers, 1, 256);
      workers->finish();
    }
    policy(file);
    observe(file);
    if (auto admin = section(file, "admin")) {
      path(*admin, "socket", options_.admin.socket);
      admin->finish();
    }
    static constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};
    if (auto log = section(file, "log")) {
      if (const auto level = log->choice("level", kLevels)) options_.log_level = kLevels[*level];
      log->finish();
    }
    if (auto drain = section(file, "drain")) {
      duration(*drain, "timeout", options_.drain_timeout, Duration::zero(),
               std::chrono::minutes(10));
      drain->finish();
    }
    file.finish();
    check_addresses();
    return std::move(options_);
  }

 private:
  static std::optional<TableReader> section(TableReader& file, std::string_view key) {
    auto table = file.table(key);
    if (table) table->rename("[" + std::string(key) + "]");
    return table;
  }

  static void bounds(TableReader& table, Bounds& values) {
    (void)read_bounds(table, values, BoundsOf::listener);
    table.finish();
  }

  static void duration(TableReader& table, std::string_view key, Duration& field, Duration least,
                       Duration most) {
    if (const auto value = table.duration(key, least, most)) field = *value;
  }

  /// What is relative starts at the folder of the file, wherever the gateway was started.
  [[nodiscard]] std::string resolve(const std::string& path) const {
    return (folder_ / path).string();
  }
  void path(TableReader& table, std::string_view key, std::string& field) const {
    if (const auto value = table.string(key)) field = resolve(value->value);
  }

  std::optional<Endpoint> endpoint(TableReader& table, std::string_view key,
                                   std::string_view example, bool numeric) const {
    const std::string hint = "write it as \"" + std::string(example) + "\"";
    const Node* node = table.require(key, hint);
    const auto text = table.string(key);
    if (!text) return std::nullopt;
    auto value = parse_endpoint(text->value);
    if (!value) {
      problems_.add(text->at, table.named(key, *node) + " " + value.error(), hint);
      return std::nullopt;
    }
    if (numeric && !is_numeric(value->host)) {
      problems_.add(text->at, table.named(key, *node) + " is not an address of this machine",
                    hint + "; \"0.0.0.0\" and \"[::]\" stand for all addresses");
      return std::nullopt;
    }
    value->origin = problems_.origin(text->at);
    return std::move(*value);
  }

  static void min_version(TableReader& table, tls::ProtocolVersion& field) {
    if (const auto version = table.choice("min_version", kVersions)) {
      field = *version == 0 ? tls::ProtocolVersion::tls1_2 : tls::ProtocolVersion::tls1_3;
    }
  }

  void broker(TableReader& file) {
    if (file.require("broker", "write: [broker] and below it address = \"127.0.0.1:1883\"") ==
        nullptr) {
      return;
    }
    auto table = section(file, "broker");
    if (!table) return;
    BrokerOptions& broker = options_.broker;
    if (auto address = endpoint(*table, "address", "127.0.0.1:1883", false)) {
      broker.address = std::move(*address);
    }
    duration(*table, "connect_timeout", broker.connect_timeout, std::chrono::milliseconds(100),
             std::chrono::minutes(10));
    duration(*table, "connack_timeout", broker.connack_timeout, std::chrono::milliseconds(100),
             std::chrono::minutes(10));
    if (auto tls = table->table("tls")) {
      broker.tls = broker_tls(*tls, broker.address.host);
      broker.tls_origin = problems_.origin(tls->at());
    }
    table->finish();
  }

  tls::ClientOptions broker_tls(TableReader& table, const std::string& host) const {
    tls::ClientOptions options;
    table.require("ca", "name the PEM file of the authority that signed the broker's certificate");
    path(table, "ca", options.ca);
    options.server_name = host;
    if (const auto name = table.string("server_name")) {
      options.server_name = name->value;
      if (!is_host_name(name->value) && !is_numeric(name->value)) {
        problems_.add(name->at, "server_name in " + table.where() + " is not a name or an address",
                      "write what the broker's certificate says, for example \"broker.example\"");
      }
    }
    path(table, "certificate", options.certificate);
    path(table, "key", options.key);
    if (table.find("certificate") != nullptr) {
      table.require("key", "a certificate is of no use without its private key");
    } else if (table.find("key") != nullptr) {
      table.require("certificate", "a key is of no use without its certificate");
    }
    min_version(table, options.min_version);
    table.finish();
    return options;
  }

  void listeners(TableReader& file) {
    file.require("listener", "write: [[listener]] and below it name and address");
    const auto nodes = file.tables("listener");
    if (const Node* node = file.find("listener"); nodes.empty() && node != nullptr &&
                                                  node->kind == Node::Kind::array &&
                                                  node->items.empty()) {
      problems_.add(node->at, "no listener", "write: [[listener]] and below it name and address");
    }
    for (const Node* node : nodes) listener(TableReader(problems_, *node, "[[listener]]"));
  }

  void listener(TableReader table) {
    ListenerOptions options;
    options.bounds = default_bounds_;
    table.require("name", "write: name = \"devices\"");
    if (const auto name = table.string("name")) {
      options.name = name->value;
      if (!is_name(name->value)) {
        problems_.add(name->at, table.named("name", *table.find("name")) + " is not a name",
                      std::string(kNameHint));
      } else {
        table.rename("[[listener]] \"" + name->value + "\"");
      }
      for (const ListenerOptions& other : options_.listeners) {
        if (other.name != name->value) continue;
        problems_.add(name->at, "listener name \"" + name->value + "\" is used twice",
                      "give each listener its own name");
        break;
      }
    }
    if (auto address = endpoint(table, "address", "0.0.0.0:8883", true)) {
      options.address = std::move(*address);
    }
    if (auto tls = table.table("tls")) {
      options.tls = listener_tls(*tls);
      options.tls_origin = problems_.origin(tls->at());
    }
    table.integer_into("max_connections", options.max_connections, 1, 10'000'000);
    table.integer_into("max_connections_per_address", options.max_connections_per_address, 1,
                       10'000'000);
    connects(table, options);
    if (auto own = table.table("limits")) bounds(*own, options.bounds);
    table.finish();
    options_.listeners.push_back(std::move(options));
  }

  static void connects(TableReader& table, ListenerOptions& options) {
    ConnectRate connects;
    const auto rate = table.message_rate("connects_per_client");
    table.integer_into("connect_burst", connects.burst, 1, kMostConnects);
    if (rate) {
      connects.rate = *rate;
      options.connects_per_client = connects;
    } else if (table.has("connect_burst") && !table.has("connects_per_client")) {
      table.problems().add(
          table.key_at("connect_burst"),
          "connect_burst in " + table.where() + " needs \"connects_per_client\"",
          "write for example connects_per_client = \"1/s\"; connect_burst is how many of them may "
          "come at once");
    }
  }

  tls::ServerOptions listener_tls(TableReader& table) const {
    tls::ServerOptions options;
    table.require("certificate", "name the PEM file of the gateway's own certificate chain");
    path(table, "certificate", options.certificate);
    table.require("key", "name the PEM file of the certificate's private key");
    path(table, "key", options.key);
    path(table, "client_ca", options.client_ca);
    const bool has_ca = table.find("client_ca") != nullptr;

    static constexpr std::array<std::string_view, 3> kModes = {"none", "optional", "required"};
    static constexpr std::array kValues = {tls::ClientCertificate::none,
                                           tls::ClientCertificate::optional,
                                           tls::ClientCertificate::required};
    // Whoever names an authority for clients wants them checked.
    if (has_ca) options.client_certificate = tls::ClientCertificate::required;
    const Node* node = table.find("client_certificate");
    if (const auto mode = table.choice("client_certificate", kModes)) {
      options.client_certificate = kValues[*mode];
      const bool asks = options.client_certificate != tls::ClientCertificate::none;
      if (asks && !has_ca) {
        problems_.add(node->at, table.named("client_certificate", *node) + " needs a \"client_ca\"",
                      "name the PEM file of the authority that signs the clients' certificates");
      }
      if (!asks && has_ca) {
        problems_.add(node->at,
                      table.named("client_certificate", *node) + " contradicts \"client_ca\"",
                      "write \"required\" or \"optional\", or delete client_ca");
      }
    }
    min_version(table, options.min_version);
    table.finish();
    return options;
  }

  void policy(TableReader& file) {
    static constexpr std::string_view kHint = "write: files = [\"policies/*.toml\"]";
    if (file.require("policy",
                     "without a policy nobody could pass; write [policy] and below it "
                     "files = [\"policies/*.toml\"]") == nullptr) {
      return;
    }
    auto table = section(file, "policy");
    if (!table) return;
    const Node* node = table->require("files", kHint);
    if (node != nullptr) options_.policy_origin = problems_.origin(node->at);
    for (const Text& pattern : table->strings("files")) {
      options_.policy_files.push_back(resolve_pattern(pattern.value));
    }
    table->finish();
  }

  /// As resolve(), for a glob: what the folder's name holds is not part of the pattern.
  [[nodiscard]] std::string resolve_pattern(const std::string& pattern) const {
    if (std::filesystem::path(pattern).is_absolute() || folder_.empty()) return pattern;
    std::string folder;
    for (const char c : folder_.string()) {
      if (std::string_view("*?[]\\").find(c) != std::string_view::npos) folder += '\\';
      folder += c;
    }
    return folder + (folder.ends_with('/') ? "" : "/") + pattern;
  }

  void observe(TableReader& file) {
    auto table = section(file, "observe");
    if (!table) return;
    if (table->find("address") != nullptr) {
      options_.observe.address = endpoint(*table, "address", "127.0.0.1:9464", true);
    }
    if (const auto log = table->string("audit_log")) {
      options_.observe.audit_log = log->value == "stdout" ? log->value : resolve(log->value);
      options_.observe.audit_origin = problems_.origin(log->at);
    }
    table->integer_into("audit_queue", options_.observe.audit_queue, 16, 1'000'000);
    table->finish();
  }

  void conflict(const Endpoint& second, const Endpoint& first, const std::string& hint) const {
    problems_.add({second.origin.line, second.origin.column},
                  "address \"" + second.to_string() + "\" is already used in line " +
                      std::to_string(first.origin.line),
                  hint);
  }

  /// Two parts of one gateway cannot listen on the same address, and must not dial each other.
  void check_addresses() const {
    const auto& listeners = options_.listeners;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      const Endpoint& address = listeners[i].address;
      if (address.port == 0) continue;  // was wrong, and has been reported
      for (std::size_t j = 0; j < i; ++j) {
        if (!same_address(address, listeners[j].address)) continue;
        conflict(address, listeners[j].address, "give each listener its own address or port");
        break;
      }
      if (reaches(options_.broker.address, address)) {
        conflict(address, options_.broker.address,
                 "the gateway would dial itself; let the broker listen on another port");
      }
      if (options_.observe.address && same_address(*options_.observe.address, address)) {
        conflict(*options_.observe.address, address, "give [observe] its own port");
      }
    }
  }

  std::filesystem::path folder_;
  Problems problems_;
  Bounds default_bounds_;
  GatewayOptions options_;
};

}  // namespace

GatewayOptions read_gateway_file(const Node& root, const std::string& path, Problems problems) {
  return GatewayFile(path, problems).read(root);
}

}  // namespace sallyport::config
