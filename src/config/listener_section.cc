#include "config/bounds_table.h"
#include "config/section.h"

namespace sallyport::config {

namespace {

constexpr std::string_view kAddressHint = "write it as \"0.0.0.0:8883\"";

constexpr Words<tls::ClientCertificate, 3> kClientCertificate = {
    {"none", "optional", "required"},
    {tls::ClientCertificate::none, tls::ClientCertificate::optional,
     tls::ClientCertificate::required}};

constexpr Words<tls::CrlFail, 2> kCrlFail = {{"closed", "open"},
                                             {tls::CrlFail::closed, tls::CrlFail::open}};

constexpr auto kTlsKeys = std::to_array<Key<tls::ServerOptions>>({
    {.name = "certificate",
     .value = Path<tls::ServerOptions>{&tls::ServerOptions::certificate},
     .required = "name the PEM file of the gateway's own certificate chain"},
    {.name = "key",
     .value = Path<tls::ServerOptions>{&tls::ServerOptions::key},
     .required = "name the PEM file of the certificate's private key"},
    {.name = "client_ca", .value = Path<tls::ServerOptions>{&tls::ServerOptions::client_ca}},
    {.name = "client_certificate",
     .value =
         choice<tls::ServerOptions, &tls::ServerOptions::client_certificate, kClientCertificate>(),
     .otherwise = "\"required\" with client_ca, else \"none\""},
    {.name = "min_version",
     .value = choice<tls::ServerOptions, &tls::ServerOptions::min_version, kTlsVersions>()},
    {.name = "crl",
     .value = Globs<tls::ServerOptions>{&tls::ServerOptions::crl, &tls::ServerOptions::crl_origin},
     .otherwise = "none"},
    {.name = "crl_fail",
     .value = choice<tls::ServerOptions, &tls::ServerOptions::crl_fail, kCrlFail>()},
    {.name = "deny_lists",
     .value = Globs<tls::ServerOptions>{&tls::ServerOptions::deny_lists,
                                        &tls::ServerOptions::deny_origin},
     .otherwise = "none"},
    {.name = "exception_lists",
     .value = Globs<tls::ServerOptions>{&tls::ServerOptions::exception_lists,
                                        &tls::ServerOptions::exception_origin},
     .otherwise = "none"},
    {"min_client_key",
     Count<tls::ServerOptions>{&tls::ServerOptions::min_key, kLeastRsaBits, kMostRsaBits}},
    {"allow_sha1", Flag<tls::ServerOptions>{&tls::ServerOptions::allow_sha1}},
    {"max_chain", Count<tls::ServerOptions>{&tls::ServerOptions::max_chain, 0, kMostChain}},
    {"max_chain_bytes", Size<tls::ServerOptions>{&tls::ServerOptions::max_chain_bytes,
                                                 kLeastChainBytes, kMostChainBytes}},
    {"max_names", Count<tls::ServerOptions>{&tls::ServerOptions::max_names, 0, 1024}},
    {"max_name", Size<tls::ServerOptions>{&tls::ServerOptions::max_name, 64, 4 * kKiB}},
    {"max_ca_names", Size<tls::ServerOptions>{&tls::ServerOptions::max_ca_names, 0, 64 * kKiB}},
    // BoringSSL makes no smaller records of a handshake.
    {"max_record",
     Size<tls::ServerOptions>{&tls::ServerOptions::max_record, 512, tls::kLargestRecord}},
});

void check_client_certificate(TableReader& table, const tls::ServerOptions& tls) {
  const Node* node = table.find("client_certificate");
  if (node == nullptr) return;
  const bool asks = tls.client_certificate != tls::ClientCertificate::none;
  const std::string named = table.named("client_certificate", *node);
  if (asks && !table.has("client_ca")) {
    table.problems().add(node->at, named + " needs a \"client_ca\"",
                         "name the PEM file of the authority that signs the clients' certificates");
  }
  if (!asks && table.has("client_ca")) {
    table.problems().add(node->at, named + " contradicts \"client_ca\"",
                         "write \"required\" or \"optional\", or delete client_ca");
  }
}

void check_revocation(TableReader& table, const tls::ServerOptions& tls) {
  for (const std::string_view key : {"crl", "crl_fail", "deny_lists", "exception_lists"}) {
    if (!table.has(key) || tls.client_certificate != tls::ClientCertificate::none) continue;
    table.problems().add(table.key_at(key),
                         std::string(key) + " in " + table.where() + " needs a \"client_ca\"",
                         "it says which clients' certificates count; name the authority that signs "
                         "them, or delete " +
                             std::string(key));
  }
}

void read_tls(TableReader& table, ListenerOptions& listener) {
  tls::ServerOptions& tls = listener.tls.emplace();
  listener.tls_origin = table.problems().origin(table.at());
  // Whoever names an authority for clients wants them checked.
  if (table.has("client_ca")) tls.client_certificate = tls::ClientCertificate::required;
  read_keys<tls::ServerOptions>(table, kTlsKeys, tls);
  check_client_certificate(table, tls);
  check_revocation(table, tls);
  table.finish();
}

void list_tls(const ListenerOptions& listener, const std::string& path, std::vector<KeyInfo>& out) {
  list_keys<tls::ServerOptions>(kTlsKeys, listener.tls.value_or(tls::ServerOptions()), path, out);
}

void read_limits(TableReader& table, ListenerOptions& listener) {
  static_cast<void>(read_bounds(table, listener.bounds, BoundsOf::listener));
  table.finish();
}

void list_limits(const ListenerOptions& listener, const std::string& path,
                 std::vector<KeyInfo>& out) {
  list_bounds(listener.bounds, path, out);
}

// Every header of version 1 fits into the first; version 2 cannot say more than the second: 16
// bytes, and what a length of two bytes can count.
constexpr std::uint64_t kShortestProxyHeader = 107;
constexpr std::uint64_t kLongestProxyHeader = 16 + UINT16_MAX;

constexpr auto kKeys = std::to_array<Key<ListenerOptions>>({
    {.name = "name",
     .value = Name<ListenerOptions>{&ListenerOptions::name},
     .change = Change::rebind,
     .required = "write: name = \"devices\""},
    {.name = "address",
     .value = Address<ListenerOptions>{&ListenerOptions::address, kAddressHint},
     .change = Change::rebind,
     .required = kAddressHint},
    {"tls", Table<ListenerOptions>{read_tls, list_tls}},
    {"max_connections",
     Count<ListenerOptions>{&ListenerOptions::max_connections, 1, kMostConnections}},
    {.name = "max_connections_per_address",
     .value =
         Count<ListenerOptions>{&ListenerOptions::max_connections_per_address, 1, kMostConnections},
     .otherwise = "no limit"},
    {.name = "connects_per_client",
     .value = MessageRate<ListenerOptions>{&ListenerOptions::connects_per_client},
     .otherwise = "no limit"},
    {"connect_burst", Count<ListenerOptions>{&ListenerOptions::connect_burst, 1, kMostConnects}},
    {"stall_timeout", Time<ListenerOptions>{&ListenerOptions::stall_timeout,
                                            std::chrono::seconds(1), std::chrono::hours(1)}},
    {"high_water", Size<ListenerOptions>{&ListenerOptions::high_water, 16 * kKiB, 16 * kMiB}},
    {"low_water", Size<ListenerOptions>{&ListenerOptions::low_water, 0, 16 * kMiB}},
    {"choke_water", Size<ListenerOptions>{&ListenerOptions::choke_water, 16 * kKiB, 64 * kMiB}},
    {"queued_replies", Size<ListenerOptions>{&ListenerOptions::queued_replies, kKiB, kMiB}},
    {"flush_time", Time<ListenerOptions>{&ListenerOptions::flush_time, std::chrono::seconds(1),
                                         std::chrono::seconds(60)}},
    {"linger", Time<ListenerOptions>{&ListenerOptions::linger, std::chrono::milliseconds(100),
                                     std::chrono::seconds(60)}},
    {"discard", Size<ListenerOptions>{&ListenerOptions::discard, 0, 64 * kMiB}},
    {"max_held", Size<ListenerOptions>{&ListenerOptions::max_held, 0, 16 * kMiB}},
    {"address_prefix_v4", Count<ListenerOptions>{&ListenerOptions::v4, 0, 32}},
    {"address_prefix_v6", Count<ListenerOptions>{&ListenerOptions::v6, 0, 128}},
    {.name = "proxy_protocol",
     .value = Prefixes<ListenerOptions>{&ListenerOptions::proxy_protocol},
     .otherwise = "off"},
    {"proxy_header_timeout",
     Time<ListenerOptions>{&ListenerOptions::proxy_header_timeout, std::chrono::milliseconds(100),
                           std::chrono::minutes(1)}},
    {"max_proxy_header", Size<ListenerOptions>{&ListenerOptions::max_proxy_header,
                                               kShortestProxyHeader, kLongestProxyHeader}},
    {"limits", Table<ListenerOptions>{read_limits, list_limits}},
});

void check_name(TableReader& table, const ListenerOptions& listener,
                const std::vector<ListenerOptions>& others) {
  const Node* node = table.find("name");
  for (const ListenerOptions& other : others) {
    if (node == nullptr || listener.name.empty() || other.name != listener.name) continue;
    table.problems().add(node->at, "listener name \"" + listener.name + "\" is used twice",
                         "give each listener its own name");
    return;
  }
}

void check_burst(TableReader& table) {
  if (!table.has("connect_burst") || table.has("connects_per_client")) return;
  table.problems().add(
      table.key_at("connect_burst"),
      "connect_burst in " + table.where() + " needs \"connects_per_client\"",
      "write for example connects_per_client = \"1/s\"; connect_burst is how many of them may "
      "come at once");
}

/// A side that is slow again as soon as it is not would stop and go with every byte.
void check_water(TableReader& table, const ListenerOptions& listener) {
  const auto complain = [&table](std::string_view first, std::string_view second,
                                 const std::string& message, std::string hint) {
    const std::string_view key = table.has(first) ? first : second;
    if (table.has(key)) {
      table.problems().add(table.key_at(key), message + " in " + table.where(), std::move(hint));
    }
  };
  const std::string high = "high_water = \"" + format_size(listener.high_water) + "\"";
  if (listener.low_water >= listener.high_water) {
    complain("low_water", "high_water",
             "low_water = \"" + format_size(listener.low_water) + "\" is not below " + high,
             "a slow side is read for again when so few bytes wait; write less than high_water");
  }
  if (listener.choke_water < listener.high_water) {
    complain("choke_water", "high_water",
             "choke_water = \"" + format_size(listener.choke_water) + "\" is below " + high,
             "answers have to find room behind what is forwarded; write at least high_water");
  }
}

void read_listener(TableReader& table, GatewayOptions& into) {
  ListenerOptions listener;
  listener.bounds = into.bounds;
  read_keys<ListenerOptions>(table, kKeys, listener);
  check_name(table, listener, into.listeners);
  check_burst(table);
  check_water(table, listener);
  table.finish();
  into.listeners.push_back(std::move(listener));
}

void list_listeners(const GatewayOptions& from, const std::string& path,
                    std::vector<KeyInfo>& out) {
  for (const ListenerOptions& listener : from.listeners) {
    const std::size_t first = out.size();
    list_keys<ListenerOptions>(kKeys, listener, path, out);
    for (KeyInfo& key : std::span(out).subspan(first)) key.owner = listener.name;
  }
}

}  // namespace

Section listener_section() {
  return {.name = "listener",
          .read = read_listener,
          .list = list_listeners,
          .repeated = true,
          .required = "write: [[listener]] and below it name and address"};
}

}  // namespace sallyport::config
