#include "bench/load/options.h"

#include <fstream>
#include <stdexcept>

#include <CLI/CLI.hpp>

namespace sallyport::bench {

namespace {

constexpr const char* kAbout =
    "Puts load on anything that speaks MQTT: a gateway, a proxy, a broker. Or, with --sink, is "
    "the\n"
    "least of a broker that can stand behind one. Everything it does is bounded, in number and in\n"
    "time, and SIGINT or SIGTERM ends it early with its summary.";

constexpr const char* kFooter = R"(
Examples:
  sallyport_load --sink 1883                            the other end: counts and answers
  sallyport_load --port 8883 --tls --ca ca.crt --cert bench-1.crt --key bench-1.key \
      --clients 10 --rate 400 --qos 1 --seconds 20      4,000 messages a second
  sallyport_load --port 8883 --tls --ca ca.crt --clients 1 --messages 1000000 \
      --messages-per-record 64                          as fast as it goes
  sallyport_load --port 8883 --tls --ca ca.crt --idle 2000 --seconds 30
  sallyport_load --port 8883 --tls --ca ca.crt --clients 4 --visits 1000

Exit codes: 0 all went as asked; 1 something failed, and is named; 2 wrong usage.
)";

/// What CLI11 fills in.
struct Raw {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::optional<std::uint16_t> sink;
  bool deliver = false;
  std::string version = "3.1.1";
  bool tls = false;
  std::string ca, certificate, key, server_name;
  std::uint32_t clients = 0, subscribers = 0, idle = 0;
  std::uint64_t visits = 0, messages = 0, expect = 0;
  double rate = 0;
  unsigned qos = 0;
  std::uint32_t size = 64;
  std::uint16_t together = 1, window = 20;
  std::uint32_t connecting = 32;
  bool hold = false;
  double seconds = 0, patience = 60;
  std::uint16_t keep_alive = 300;
  std::string client_id = "bench-%i", topic = "bench/%c", filter = "bench/#";
  std::string username, password_file;
  bool json = false;
};

constexpr std::uint64_t kMostMessages = 1'000'000'000;
constexpr double kMostSeconds = 24 * 3600;

void declare(CLI::App& app, Raw& raw) {
  app.add_option("--host", raw.host, "Whom to connect to; with --sink: where to listen")
      ->capture_default_str();
  app.add_option("--port", raw.port, "The port")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--mqtt", raw.version, "Protocol version")
      ->check(CLI::IsMember({"3.1", "3.1.1", "5"}))
      ->capture_default_str();
  app.add_flag("--json", raw.json, "Say everything as JSON, one object a line");

  auto* const tls = app.add_option_group("TLS");
  tls->add_flag("--tls", raw.tls, "Use TLS; the other end's certificate is always checked");
  tls->add_option("--ca", raw.ca, "PEM file of the CA that signed the other end's certificate");
  tls->add_option("--cert", raw.certificate, "PEM file of the own certificate");
  tls->add_option("--key", raw.key, "PEM file of its key");
  tls->add_option("--server-name", raw.server_name,
                  "What the other end's certificate says; default: --host");

  auto* const who = app.add_option_group("Clients");
  who->add_option("--clients", raw.clients, "Clients that publish (10 where nothing is asked for)")
      ->check(CLI::Range(0, 100'000));
  who->add_option("--subscribers", raw.subscribers, "Clients that subscribe and count")
      ->check(CLI::Range(0, 100'000));
  who->add_option("--idle", raw.idle, "Clients that are connected and silent")
      ->check(CLI::Range(0, 100'000));
  who->add_option(
         "--visits", raw.visits,
         "Instead: connect, CONNECT, CONNACK, DISCONNECT, so often in all, by --clients at "
         "a time")
      ->check(CLI::Range(std::uint64_t{0}, kMostMessages));
  who->add_option("--client-id", raw.client_id, "Client identifier; %i is the client's number")
      ->capture_default_str();
  who->add_option("--topic", raw.topic, "What to publish to; %i, and %c is the client identifier")
      ->capture_default_str();
  who->add_option("--filter", raw.filter, "What to subscribe to; the same")->capture_default_str();
  who->add_option("--username", raw.username, "Username");
  who->add_option("--password-file", raw.password_file, "File whose first line is the password");
  who->add_option("--keep-alive", raw.keep_alive, "Keep-alive in seconds; 0: none")
      ->capture_default_str();
  who->add_option("--connecting", raw.connecting, "Most connections that begin at a time")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();

  auto* const what = app.add_option_group("Messages");
  what->add_option("--rate", raw.rate,
                   "Messages a second by each client; 0: as fast as the other end takes them")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  what->add_option("--qos", raw.qos, "QoS of messages and subscriptions")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  what->add_option("--size", raw.size, "Bytes of a payload")
      ->check(CLI::Range(0, 16 * 1024 * 1024))
      ->capture_default_str();
  what->add_option("--messages-per-record", raw.together,
                   "Messages that go together in one TLS record (or one write without TLS)")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  what->add_option("--window", raw.window,
                   "QoS 1 and 2: messages of a client that may wait for their acknowledgement")
      ->check(CLI::Range(1, 65'535))
      ->capture_default_str();

  what->add_flag("--hold", raw.hold,
                 "Wait for SIGUSR1 with the first message, when all clients are connected");

  auto* const bounds = app.add_option_group("Bounds");
  bounds->add_option("--messages", raw.messages, "Messages by each client")
      ->check(CLI::Range(std::uint64_t{1}, kMostMessages));
  bounds
      ->add_option(
          "--seconds", raw.seconds,
          "How long at most; default: 10, with --messages or --visits 600, with --sink 3600")
      ->check(CLI::Range(0.1, kMostSeconds));
  bounds
      ->add_option("--expect", raw.expect,
                   "Messages for each subscriber, then it ends; default: when no more come")
      ->check(CLI::Range(std::uint64_t{1}, kMostMessages));
  bounds
      ->add_option("--patience", raw.patience,
                   "Seconds for connecting, and again for the last answers")
      ->check(CLI::Range(1.0, kMostSeconds))
      ->capture_default_str();

  auto* const sink = app.add_option_group("Sink");
  auto* const port =
      sink->add_option("--sink", raw.sink, "Be the other end, on this port (0: one that is free)");
  sink->add_flag("--sink-deliver", raw.deliver,
                 "Send every subscriber messages: --messages, --rate, --qos, --size and so on")
      ->needs(port);
  app.footer(kFooter);
}

Duration to_duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

tls::Context::Ptr load_context(const Raw& raw) {
  if (!raw.tls) {
    if (!raw.ca.empty() || !raw.certificate.empty() || !raw.key.empty()) {
      throw std::runtime_error("--ca, --cert and --key mean nothing without --tls");
    }
    return nullptr;
  }
  tls::ServerOptions server;
  server.certificate = raw.certificate;
  server.key = raw.key;
  tls::ClientOptions client;
  client.ca = raw.ca;
  client.server_name = raw.server_name.empty() ? raw.host : raw.server_name;
  client.certificate = raw.certificate;
  client.key = raw.key;
  const auto context =
      raw.sink ? tls::Context::load_server(server) : tls::Context::load_client(client);
  if (context) return *context;
  std::string all;
  for (const tls::TlsError& error : context.error()) {
    all +=
        (all.empty() ? "" : "\n") + error.file + (error.file.empty() ? "" : ": ") + error.message;
  }
  throw std::runtime_error(all);
}

std::string read_password(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error(path + ": cannot be read, or is empty");
  return line;
}

PublishPlan publish_plan(const Raw& raw) {
  PublishPlan plan;
  plan.version = raw.version == "5"     ? mqtt::Version::v5
                 : raw.version == "3.1" ? mqtt::Version::v3_1
                                        : mqtt::Version::v3_1_1;
  plan.qos = static_cast<std::uint8_t>(raw.qos);
  plan.size = raw.size;
  plan.together = raw.together;
  plan.window = raw.window;
  plan.messages = raw.messages == 0 ? kMostMessages : raw.messages;
  if (std::uint64_t{raw.size} * raw.together > 64 * 1024 * 1024) {
    throw std::runtime_error("--size times --messages-per-record is more than 64 MiB");
  }
  if (raw.qos != 0 && raw.together > raw.window) {
    throw std::runtime_error("--messages-per-record is more than --window, so none could be sent");
  }
  if (raw.rate > 0) plan.interval = to_duration(raw.together / raw.rate);
  return plan;
}

FleetPlan fleet_plan(const Raw& raw) {
  FleetPlan plan;
  plan.client.publish = publish_plan(raw);
  plan.client.tls = load_context(raw);
  plan.client.client_id = raw.client_id;
  plan.client.topic = raw.topic;
  plan.client.filter = raw.filter;
  if (!raw.username.empty()) plan.client.username = raw.username;
  if (!raw.password_file.empty()) plan.client.password = read_password(raw.password_file);
  plan.client.keep_alive = raw.keep_alive;
  plan.client.subscribe_qos = static_cast<std::uint8_t>(raw.qos);
  plan.host = raw.host;
  plan.port = raw.port;
  plan.publishers = raw.clients;
  plan.subscribers = raw.subscribers;
  plan.idle = raw.idle;
  plan.visits = raw.visits;
  if (raw.clients + raw.subscribers + raw.idle == 0) plan.publishers = 10;
  if (raw.visits != 0 && (raw.clients == 0 || raw.subscribers + raw.idle != 0)) {
    throw std::runtime_error("--visits goes with --clients, and not with other clients");
  }
  if (raw.hold && plan.publishers == 0) {
    throw std::runtime_error("--hold means nothing without --clients that publish");
  }
  if (raw.hold && raw.visits != 0) {
    throw std::runtime_error("--hold means nothing with --visits, which send no message");
  }
  if (raw.expect != 0 && raw.subscribers == 0) {
    throw std::runtime_error("--expect means nothing without --subscribers");
  }
  plan.connecting = raw.connecting;
  plan.expect = raw.expect;
  plan.hold = raw.hold;
  const bool counted = raw.messages != 0 || raw.visits != 0;
  plan.limit = to_duration(raw.seconds > 0 ? raw.seconds : counted ? 600 : 10);
  plan.patience = to_duration(raw.patience);
  plan.client.connect_limit = plan.patience;
  allow_descriptors(std::uint64_t{plan.publishers} + plan.subscribers + plan.idle + 100);
  return plan;
}

SinkPlan sink_plan(const Raw& raw) {
  SinkPlan plan;
  const auto address = net::Address::parse(raw.host, *raw.sink);
  if (!address) throw std::runtime_error("--host " + raw.host + " is not an address to listen on");
  plan.address = *address;
  plan.tls = load_context(raw);
  plan.connections = 200'000;
  plan.deliver = raw.deliver;
  plan.delivery = publish_plan(raw);
  plan.limit = to_duration(raw.seconds > 0 ? raw.seconds : 3600);
  allow_descriptors(100);
  return plan;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  CLI::App app{kAbout, "sallyport_load"};
  Raw raw;
  declare(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  Options options;
  options.json = raw.json;
  if (raw.sink) {
    options.sink = sink_plan(raw);
  } else {
    options.fleet = fleet_plan(raw);
  }
  return options;
}

}  // namespace sallyport::bench
