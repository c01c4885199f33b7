#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bench/load/peer.h"
#include "bench/load/publisher.h"
#include "bench/load/report.h"
#include "net/listener.h"

namespace sallyport::bench {

struct SinkPlan {
  net::Address address;
  tls::Context::Ptr tls;  // null: plain TCP
  std::uint32_t connections = 0;
  bool deliver = false;
  PublishPlan delivery;  // where `deliver`; its version is each client's own
  Duration limit{};      // then it ends
};

/// As little of a broker as will do: it accepts every CONNECT, answers what has to be answered,
/// counts, and throws messages away; where it is told to, it sends messages of its own to everyone
/// who subscribes. What stands in between is then measured without a broker's cost. It checks
/// nothing that a broker would, so it is of no other use.
///
/// Thread: the loop's. Used once.
class Sink final : private net::Listener::Handler,
                   private Workbench::Handler,
                   private net::Timer::Handler {
 public:
  /// Listens, and says so to `reporter`. Throws std::runtime_error where the address cannot be had.
  Sink(Workbench& bench, const SinkPlan& plan, const Reporter& reporter);
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  /// Serves until a signal, or until the time is up.
  [[nodiscard]] const SinkReport& run();

 private:
  class Session;

  void on_connection(net::Listener& listener, net::Socket socket,
                     const net::Address& peer) override;
  void on_accept_paused(net::Listener&, int) override {}
  void on_signal() override { end(); }
  void on_timer(Instant) override { end(); }
  void end();
  void remove(Session& session);

  Workbench& bench_;
  const SinkPlan& plan_;
  net::Timer timer_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Session>> sessions_;
  SinkReport report_;
  Instant first_{};  // when the first PUBLISH came
  bool ending_ = false;
};

}  // namespace sallyport::bench
