#include "config/section.h"

namespace sallyport::config {

namespace {

constexpr std::string_view kAddressHint = "write it as \"127.0.0.1:1883\"";

constexpr auto kTlsKeys = std::to_array<Key<tls::ClientOptions>>({
    {.name = "ca",
     .value = Path<tls::ClientOptions>{&tls::ClientOptions::ca},
     .required = "name the PEM file of the authority that signed the broker's certificate"},
    {.name = "server_name",
     .value = HostName<tls::ClientOptions>{&tls::ClientOptions::server_name},
     .otherwise = "host of address"},
    {.name = "certificate", .value = Path<tls::ClientOptions>{&tls::ClientOptions::certificate}},
    {.name = "key", .value = Path<tls::ClientOptions>{&tls::ClientOptions::key}},
    {.name = "min_version",
     .value = choice<tls::ClientOptions, &tls::ClientOptions::min_version, kTlsVersions>()},
});

void check_pair(TableReader& table) {
  if (table.has("certificate")) {
    table.require("key", "a certificate is of no use without its private key");
  } else if (table.has("key")) {
    table.require("certificate", "a key is of no use without its certificate");
  }
}

void read_tls(TableReader& table, BrokerOptions& broker) {
  tls::ClientOptions& tls = broker.tls.emplace();
  broker.tls_origin = table.problems().origin(table.at());
  tls.server_name = broker.address.host;  // read before, for it stands before `tls` in kKeys
  read_keys<tls::ClientOptions>(table, kTlsKeys, tls);
  check_pair(table);
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
