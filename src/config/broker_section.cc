#include "config/section.h"

namespace sallyport::config {

namespace {

/// One string of the longest, with which every packet but a few can be decided. 1.5.4 (5.0)
constexpr std::uint64_t kLeastGathered = std::uint64_t{64} * 1024;

constexpr std::string_view kAddressHint = "write it as \"127.0.0.1:1883\"";

constexpr Words<tls::Verify, 3> kVerify = {
    {"full", "chain", "pinned"}, {tls::Verify::full, tls::Verify::chain, tls::Verify::pinned}};
constexpr Words<std::optional<tls::ProtocolVersion>, 3> kMaxVersion = {
    {"auto", "1.2", "1.3"},
    {std::nullopt, tls::ProtocolVersion::tls1_2, tls::ProtocolVersion::tls1_3}};

constexpr auto kTlsKeys = std::to_array<Key<tls::ClientOptions>>({
    {"verify", choice<tls::ClientOptions, &tls::ClientOptions::verify, kVerify>()},
    {"ca", Path<tls::ClientOptions>{&tls::ClientOptions::ca}},
    {"pins", Fingerprints<tls::ClientOptions>{&tls::ClientOptions::pins}},
    {.name = "server_name",
     .value = HostName<tls::ClientOptions>{&tls::ClientOptions::server_name},
     .otherwise = "host of address"},
    {.name = "certificate", .value = Path<tls::ClientOptions>{&tls::ClientOptions::certificate}},
    {.name = "key", .value = Path<tls::ClientOptions>{&tls::ClientOptions::key}},
    {.name = "min_version",
     .value = choice<tls::ClientOptions, &tls::ClientOptions::min_version, kTlsVersions>()},
    {.name = "max_version",
     .value = choice<tls::ClientOptions, &tls::ClientOptions::max_version, kMaxVersion>()},
    {"min_broker_key",
     Count<tls::ClientOptions>{&tls::ClientOptions::min_key, kLeastRsaBits, kMostRsaBits}},
    {"allow_sha1", Flag<tls::ClientOptions>{&tls::ClientOptions::allow_sha1}},
    {"max_chain", Count<tls::ClientOptions>{&tls::ClientOptions::max_chain, 0, kMostChain}},
    {"max_chain_bytes", Size<tls::ClientOptions>{&tls::ClientOptions::max_chain_bytes,
                                                 kLeastChainBytes, kMostChainBytes}},
});

void check_pair(TableReader& table) {
  if (table.has("certificate")) {
    table.require("key", "a certificate is of no use without its private key");
  } else if (table.has("key")) {
    table.require("certificate", "a key is of no use without its certificate");
  }
}

/// What the broker's certificate is held against must be there, and nothing that would not count.
void check_verify(TableReader& table, const tls::ClientOptions& tls) {
  const auto contradicts = [&table](std::string_view key, const std::string& what,
                                    const std::string& hint) {
    if (!table.has(key)) return;
    table.problems().add(table.key_at(key), std::string(key) + " in " + table.where() + " " + what,
                         hint);
  };
  if (tls.verify == tls::Verify::pinned) {
    table.require("pins",
                  "list the SHA-256 of the broker's certificate, as openssl x509 -noout "
                  "-fingerprint -sha256 prints it");
    contradicts("ca", "does not count with verify = \"pinned\"",
                "delete it, or write verify = \"full\" and delete pins");
    contradicts("max_chain", "does not count with verify = \"pinned\"", "delete it");
    contradicts("allow_sha1", "does not count with verify = \"pinned\"", "delete it");
  } else {
    table.require("ca", "name the PEM file of the authority that signed the broker's certificate");
    contradicts("pins", "counts only with verify = \"pinned\"",
                "write verify = \"pinned\" and delete ca, or delete pins");
  }
}

void check_versions(TableReader& table, const tls::ClientOptions& tls) {
  if (!tls.max_version || *tls.max_version >= tls.min_version) return;
  table.problems().add(table.key_at("max_version"),
                       "max_version in " + table.where() + " is below min_version",
                       "raise it, or lower min_version");
}

void read_tls(TableReader& table, BrokerOptions& broker) {
  tls::ClientOptions& tls = broker.tls.emplace();
  broker.tls_origin = table.problems().origin(table.at());
  tls.server_name = broker.address.host;  // read before, for it stands before `tls` in kKeys
  read_keys<tls::ClientOptions>(table, kTlsKeys, tls);
  check_pair(table);
  check_verify(table, tls);
  check_versions(table, tls);
  table.finish();
}

void list_tls(const BrokerOptions& broker, const std::string& path, std::vector<KeyInfo>& out) {
  list_keys<tls::ClientOptions>(kTlsKeys, broker.tls.value_or(tls::ClientOptions()), path, out);
}

constexpr Words<bool, 2> kOnBadDelivery = {{"drop", "disconnect"}, {false, true}};

constexpr auto kKeys = std::to_array<Key<BrokerOptions>>({
    {.name = "address",
     .value = Address<BrokerOptions>{&BrokerOptions::address, kAddressHint, false},
     .required = kAddressHint},
    {"connect_timeout",
     Time<BrokerOptions>{&BrokerOptions::connect_timeout, std::chrono::milliseconds(100),
                         std::chrono::minutes(10)}},
    {"connack_timeout",
     Time<BrokerOptions>{&BrokerOptions::connack_timeout, std::chrono::milliseconds(100),
                         std::chrono::minutes(10)}},
    {"max_dials", Count<BrokerOptions>{&BrokerOptions::max_dials, 1, 100'000}},
    {"dial_queue", Count<BrokerOptions>{&BrokerOptions::dial_queue, 0, 1'000'000}},
    {"dial_wait", Time<BrokerOptions>{&BrokerOptions::dial_wait, std::chrono::milliseconds(100),
                                      std::chrono::minutes(10)}},
    {"on_bad_delivery",
     choice<BrokerOptions, &BrokerOptions::end_on_bad_delivery, kOnBadDelivery>()},
    {"deviations", Refusal<BrokerOptions>{&BrokerOptions::refuse_deviations}},
    {.name = "server_references",
     .value = References<BrokerOptions>{&BrokerOptions::server_references},
     .otherwise = "none"},
    {"tcp_keep_alive", Time<BrokerOptions>{&BrokerOptions::tcp_keep_alive, std::chrono::seconds(1),
                                           std::chrono::hours(2)}},
    {"max_gathered",
     Size<BrokerOptions>{&BrokerOptions::max_gathered, kLeastGathered, detail::kMaxPacket}},
    {"tls", Table<BrokerOptions>{read_tls, list_tls}},
});

}  // namespace

Section broker_section() {
  return {.name = "broker",
          .read =
              [](TableReader& table, GatewayOptions& into) {
                read_keys<BrokerOptions>(table, kKeys, into.broker);
                table.finish();
              },
          .list =
              [](const GatewayOptions& from, const std::string& path, std::vector<KeyInfo>& out) {
                list_keys<BrokerOptions>(kKeys, from.broker, path, out);
              },
          .required = "write: [broker] and below it address = \"127.0.0.1:1883\""};
}

}  // namespace sallyport::config
