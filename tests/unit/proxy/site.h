#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "sallyport/events.h"

#include "../tls/pair.h"
#include "net/socket.h"
#include "proxy/server.h"
#include "support/policies.h"
#include "support/wire.h"
#include "tls/engine.h"

/// A gateway in this process, with real sockets and threads; the test itself is the clients and the
/// broker. Nothing waits for a time to pass: every wait is for something to happen, and the limit
/// on it only turns a test that would hang into one that fails.
namespace sallyport::proxy::test {

using sallyport::test::allow;
using sallyport::test::compiled;
using sallyport::test::everybody;
using sallyport::test::Filters;
using sallyport::test::role;

inline constexpr int kLimitMs = 20'000;

/// One end of a connection, as a client or the broker has it; blocking, with a limit. TLS where it
/// is given a context.
class Peer final {
 public:
  explicit Peer(net::Socket socket, tls::Context::Ptr context = nullptr);
  Peer(Peer&&) = default;

  void send(std::string_view bytes);
  /// As much as the kernel takes without waiting; how much that was. Not with TLS.
  [[nodiscard]] std::size_t send_some(std::string_view bytes);
  /// Exactly so many bytes; fewer where the connection ends before.
  [[nodiscard]] std::string receive(std::size_t size);
  /// Everything up to the end.
  [[nodiscard]] std::string receive_all();
  /// The connection ends without another byte.
  [[nodiscard]] bool gets_end() { return receive(1).empty(); }
  /// Is there something to read now?
  [[nodiscard]] bool readable() const;

  /// The first flight of the TLS handshake, and no more.
  void begin_handshake();
  /// The TLS handshake to its end; false where it fails.
  [[nodiscard]] bool shake_hands();
  [[nodiscard]] const tls::Engine& tls() const { return *tls_; }

  /// No more bytes from here; with TLS close_notify first.
  void end();
  void close() { socket_.reset(); }
  /// The kernel tells the other end in the rudest way it has.
  void reset();
  [[nodiscard]] int fd() const { return socket_.fd(); }
  /// Did the connection end in a reset?
  [[nodiscard]] bool was_reset() const { return was_reset_; }

 private:
  bool fill();
  void write(Bytes bytes);

  net::Socket socket_;
  std::unique_ptr<tls::Engine> tls_;
  Buffer cipher_;
  Buffer plain_;
  bool began_ = false;
  bool ended_ = false;
  bool was_reset_ = false;
};

/// A port on which the test is the broker.
class FakeBroker final {
 public:
  FakeBroker();
  [[nodiscard]] Peer accept(tls::Context::Ptr context = nullptr);
  /// Has anybody dialled?
  [[nodiscard]] bool dialled() const;
  [[nodiscard]] std::uint16_t port() const { return address_.port(); }
  [[nodiscard]] int fd() const { return socket_.fd(); }
  /// Nobody listens any more, and the port is free.
  void stop() { socket_.reset(); }

 private:
  net::Socket socket_;
  net::Address address_;
};

/// Counts what is told, by name. One for all workers.
class Log final : public GatewayEvents {
 public:
  void on_refusal(const Who& who, const Refusal& refusal) override;
  void on_throttle(const Who& who, Side from, policy::Cause cause, Duration pause) override;
  void on_session_begin(const Who& who) override;
  void on_session_end(const Who& who, const CloseReason& why, bool begun) override;
  void on_accept(std::string_view listener) override;
  void on_connection_closed(std::string_view listener) override;
  void on_handshake(const Handshake& handshake) override;
  void on_broker_connect(Duration took, std::optional<Check> failure,
                         std::string_view detail) override;
  void on_wire_bytes(const WireBytes& bytes) override;
  void on_backpressure(Side slow, bool paused) override;
  void on_heartbeat() override;

  /// How often a line was written: "accept", "refusal connection.max", "end client closed", ...
  [[nodiscard]] std::size_t count(std::string_view line) const;
  /// Waits for a line to have been written so often.
  void wait(std::string_view line, std::size_t times = 1) const;
  [[nodiscard]] std::uint64_t received(Side side) const;
  [[nodiscard]] std::uint64_t sent(Side side) const;
  /// Who the last session was about.
  [[nodiscard]] Identity last() const;
  /// What the last refusal said.
  struct Refused {
    Phase phase = Phase::open;
    std::optional<mqtt::Version> version;
    std::string address;
    mqtt::ReasonCode reason = mqtt::ReasonCode::success;
    bool has_certificate = false;  // as an identity
    std::string shown_name;        // Refusal::shown
    std::string shown_serial;
  };
  [[nodiscard]] Refused last_refusal() const;
  /// The last one of this name; there was one. Others may have come behind it.
  [[nodiscard]] Refused last_refusal(std::string_view check) const;
  /// The last handshake that succeeded; its views are static or empty.
  [[nodiscard]] Handshake last_handshake() const;

 private:
  void add(std::string line);
  [[nodiscard]] std::size_t count_locked(std::string_view line) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, std::size_t, std::less<>> lines_;
  std::uint64_t received_[2]{};
  std::uint64_t sent_[2]{};
  Identity last_;
  Refused refused_;
  std::map<std::string, Refused, std::less<>> refused_by_;  // by check or rule
  Handshake handshake_;
};

/// A policy with one role for everybody that may publish and subscribe below each of `topics`.
[[nodiscard]] policy::Policy::Ptr policy_for(std::vector<std::string> topics);

/// What a test wants to be different.
struct Plan {
  std::size_t workers = 1;
  tls::Context::Ptr listener_tls = nullptr;
  tls::Context::Ptr broker_tls = nullptr;
  std::string broker_host = "127.0.0.1";
  Duration broker_connect_timeout = std::chrono::seconds(15);
  Bounds bounds = {};
  Duration stall_timeout = std::chrono::seconds(60);
  std::uint32_t max_connections = 100;
  std::uint32_t max_connections_per_address = 0;
  std::uint32_t max_connections_gateway = 0;
  std::vector<AddressPrefix> proxy_protocol = {};
  Duration proxy_header_timeout = std::chrono::seconds(15);
  std::uint32_t max_dials = 256;
  std::uint32_t dial_queue = 10'000;
  Duration dial_wait = std::chrono::seconds(15);
  policy::Policy::Ptr policy = nullptr;  // default: policy_for({"t/#"})
  TurnBudget turn = {};
  GatewayEvents* events = nullptr;  // default: the site's log
  std::shared_ptr<auth::Authenticator> authenticator = nullptr;
  net::WorkPool* pool = nullptr;
  Duration login_timeout = std::chrono::seconds(15);
};

/// One whose listener speaks TLS.
[[nodiscard]] Plan with_tls(tls::ClientCertificate asked = tls::ClientCertificate::none);

/// The gateway, served.
class Site final : private Server::Watcher {
 public:
  explicit Site(Plan plan = {});
  ~Site();

  /// A TCP connection to the listener; with `context` a TLS client, not yet shaken hands.
  [[nodiscard]] Peer connect(tls::Context::Ptr context = nullptr) const;
  /// A client behind CONNECT and CONNACK, and the broker's end of it.
  struct Pair {
    Peer client;
    Peer broker;
  };
  [[nodiscard]] Pair session(const wire::Connect& connect = {});

  /// The snapshot that it began with, to be changed and given to server->reload().
  [[nodiscard]] Snapshot snapshot() const { return *snapshot_; }
  /// Asks, and waits for the answer on a loop of its own; none where it may not ask.
  template <typename T>
  [[nodiscard]] static std::optional<T> ask(std::move_only_function<bool(Reply<T>)> question) {
    const auto loop = std::move(net::Loop::make().value());
    net::Inbox inbox;
    REQUIRE(inbox.open(*loop) == 0);
    std::optional<T> answer;
    const auto take = [&](T given) {
      answer = std::move(given);
      inbox.close();
    };
    if (!question({&inbox, take})) inbox.close();
    loop->run();
    return answer;
  }
  /// Reloads, and waits until every session follows; how many were judged anew.
  std::size_t reload(const Snapshot& next);
  void wait_stopped();
  [[nodiscard]] bool stopped() const;

  FakeBroker broker;
  Log log;
  std::unique_ptr<Server> server;

 private:
  void on_accept_paused(std::string_view listener, std::string_view error) override;
  void on_stopped() override;

  Plan plan_;
  std::shared_ptr<const Snapshot> snapshot_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

[[nodiscard]] IpAddress at(const std::string& host);

/// Bytes in which every part is different.
[[nodiscard]] std::string noise(std::size_t size);

/// Returns the block as often as it takes to have `size` bytes.
[[nodiscard]] std::string repeat(std::string_view block, std::size_t size);

}  // namespace sallyport::proxy::test
