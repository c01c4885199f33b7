#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/load/client.h"
#include "bench/load/report.h"

namespace sallyport::bench {

struct FleetPlan {
  ClientPlan client;
  std::string host;
  std::uint16_t port = 0;
  std::uint32_t publishers = 0;
  std::uint32_t subscribers = 0;
  std::uint32_t idle = 0;
  std::uint64_t visits = 0;       // not 0: `publishers` clients connect and go, so often in all
  std::uint32_t connecting = 32;  // at most so many at a time
  std::uint64_t expect = 0;       // messages for each subscriber; 0: until no more come
  bool hold = false;              // messages wait for SIGUSR1 when all are connected
  Duration limit{};               // how long messages are sent
  Duration patience{};            // how long connecting may take, and how long the last answers
};

/// All clients of a run: connects them, lets them publish together, waits for what is on its way,
/// and ends them.
///
/// Thread: the loop's. Used once.
class Fleet final : private Client::Owner, private Workbench::Handler, private net::Timer::Handler {
 public:
  Fleet(Workbench& bench, const FleetPlan& plan, const Reporter& reporter);
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// Returns when all clients are gone.
  [[nodiscard]] const LoadReport& run();

 private:
  enum class Phase : std::uint8_t { connecting, holding, publishing, draining, settling, leaving };

  void on_client_ready(Client& client) override;
  void on_client_done(Client& client) override;
  void on_client_received() override;
  void on_client_gone(Client& client, std::string_view why) override;
  void on_signal() override;
  void on_go() override;
  void on_timer(Instant now) override;

  void add(Client::Role role, std::uint32_t count);
  void connect_some();
  void all_ready();
  void begin();
  void drain();
  void check_drained();
  void settle();
  void leave();
  void say_goodbye(Instant now);
  void end_if_alone();
  void fail(std::string problem);

  Workbench& bench_;
  const FleetPlan& plan_;
  const Reporter& reporter_;
  net::Resolver resolver_;
  net::Timer timer_;
  std::vector<std::unique_ptr<Client>> clients_;
  LoadReport report_;
  Phase phase_ = Phase::connecting;
  std::size_t started_ = 0;
  std::size_t ready_ = 0;
  std::size_t done_ = 0;     // publishers
  std::size_t present_ = 0;  // clients that were started and are not gone
  std::uint64_t visits_left_ = 0;
  Instant began_{};
  Instant give_up_ = kNever;
  std::uint64_t received_before_ = 0;  // while settling: at the last look
  int quiet_ = 0;
  bool said_goodbye_ = false;
};

}  // namespace sallyport::bench
