#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/load/peer.h"
#include "bench/load/publisher.h"
#include "bench/load/tally.h"
#include "bench/load/workbench.h"
#include "net/connector.h"
#include "net/resolver.h"

namespace sallyport::bench {

/// What all clients of a run have in common.
struct ClientPlan {
  PublishPlan publish;
  tls::Context::Ptr tls;  // null: plain TCP
  std::string client_id;  // with %i: the client's number
  std::string topic;      // with %i, and %c: the client identifier
  std::string filter;     // of subscribers; the same
  std::optional<std::string> username;
  std::optional<std::string> password;
  std::uint16_t keep_alive = 300;
  std::uint8_t subscribe_qos = 0;
  Duration connect_limit = std::chrono::seconds(60);
};

/// One MQTT client from its connection to its end; it can be started again when it is gone.
///
/// Thread: the loop's. Destroyed where it was never started, or behind on_client_gone().
class Client final : private Peer::Handler,
                     private Publisher::Handler,
                     private net::Connector::Handler,
                     private net::Timer::Handler {
 public:
  enum class Role : std::uint8_t { publisher, subscriber, idle, visitor };

  /// Who runs the clients. Called from the loop.
  class Owner {
   public:
    /// Connected, accepted and (subscribers) subscribed.
    virtual void on_client_ready(Client& client) = 0;
    /// A publisher: all is sent, acknowledged, and has passed whatever stands in between.
    virtual void on_client_done(Client& client) = 0;
    /// A subscriber got something.
    virtual void on_client_received() = 0;
    /// `why` is static; empty: it left as it was told to. May start the client again.
    virtual void on_client_gone(Client& client, std::string_view why) = 0;

   protected:
    ~Owner() = default;
  };

  /// All outlive the client. `number` counts from 1.
  Client(Workbench& bench, net::Resolver& resolver, const ClientPlan& plan, Owner& owner,
         Tally& tally, Role role, std::uint32_t number);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void connect();
  /// A publisher that is ready: the first message leaves at `first`.
  void publish(Instant first) { publisher_->start(first); }
  /// A publisher: sends no more messages; on_client_done() follows.
  void stop();
  /// Says DISCONNECT and goes.
  void leave();
  /// Goes at once.
  void abort(std::string_view why);

  [[nodiscard]] Role role() const { return role_; }
  /// on_client_done() was called.
  [[nodiscard]] bool is_done() const { return done_; }
  [[nodiscard]] std::string_view tls_version() const { return tls_version_; }

 private:
  enum class State : std::uint8_t {
    gone,
    connecting,
    greeting,
    subscribing,
    ready,
    draining,
    done,
    leaving
  };

  void on_connected(net::Socket socket) override;
  void on_connect_failed(int error) override;
  void on_ready() override;
  void on_packet(const mqtt::Frame& frame) override;
  void on_turn() override;
  void on_pumped() override { check_done(); }
  void on_gone(std::string_view why) override;
  void on_timer(Instant now) override;

  void on_connack(const mqtt::Frame& frame);
  void on_suback(const mqtt::Frame& frame);
  void on_publish(const mqtt::Frame& frame);
  void on_ack(const mqtt::Frame& frame);
  void count_received();
  void answer(mqtt::PacketType type, std::uint16_t packet_id);
  void become_ready();
  void check_done();
  void ping();
  [[nodiscard]] std::string fill(std::string_view pattern) const;

  Workbench& bench_;
  net::Resolver& resolver_;
  const ClientPlan& plan_;
  Owner& owner_;
  Tally& tally_;
  const Role role_;
  State state_ = State::gone;
  const std::uint32_t number_;
  const std::string client_id_;
  net::Timer timer_;  // while connecting: the limit; then: the next PINGREQ
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<Publisher> publisher_;
  bool done_ = false;
  std::uint32_t pings_ = 0;  // not answered yet
  std::string_view tls_version_;
};

}  // namespace sallyport::bench
