#include "bench/load/fleet.h"

#include <utility>

namespace sallyport::bench {

namespace {
constexpr Duration kLook = std::chrono::milliseconds(250);
constexpr int kQuietLooks = 4;  // nothing came for a second: that was all
constexpr Duration kLeave = std::chrono::seconds(5);
}  // namespace

Fleet::Fleet(Workbench& bench, const FleetPlan& plan, const Reporter& reporter)
    : bench_(bench),
      plan_(plan),
      reporter_(reporter),
      resolver_(bench.loop()),
      timer_(bench.timers(), *this),
      visits_left_(plan.visits) {
  resolver_.set_target(plan.host, plan.port);
  report_.publishers = plan.visits == 0 ? plan.publishers : 0;
  report_.subscribers = plan.subscribers;
  report_.idle = plan.idle;
  add(plan.visits == 0 ? Client::Role::publisher : Client::Role::visitor, plan.publishers);
  add(Client::Role::subscriber, plan.subscribers);
  add(Client::Role::idle, plan.idle);
}

void Fleet::add(Client::Role role, std::uint32_t count) {
  Client::Owner& owner = *this;
  for (std::uint32_t i = 0; i < count; ++i) {
    clients_.push_back(std::make_unique<Client>(bench_, resolver_, plan_.client, owner,
                                                report_.tally, role,
                                                static_cast<std::uint32_t>(clients_.size()) + 1));
  }
}

const LoadReport& Fleet::run() {
  began_ = net::Loop::now();
  timer_.set(began_ + (plan_.visits == 0 ? plan_.patience : plan_.limit));
  connect_some();
  Workbench::Handler& handler = *this;
  bench_.run(handler);
  if (report_.problem.empty() && report_.lost != 0) {
    report_.problem = std::to_string(report_.lost) + " clients were lost";
  }
  return report_;
}

void Fleet::connect_some() {
  while (started_ < clients_.size() && started_ - ready_ < plan_.connecting) {
    if (plan_.visits != 0) {
      if (visits_left_ == 0) return;
      --visits_left_;
    }
    ++present_;
    clients_[started_++]->connect();
  }
}

void Fleet::on_client_ready(Client& client) {
  report_.tls_version = client.tls_version();
  ++ready_;
  if (client.role() == Client::Role::visitor) client.leave();
  if (phase_ != Phase::connecting) return;
  connect_some();
  if (plan_.visits == 0 && ready_ == clients_.size()) all_ready();
}

void Fleet::all_ready() {
  const Instant now = net::Loop::now();
  report_.connecting = now - began_;
  phase_ = Phase::holding;
  reporter_.ready(report_);
  if (!plan_.hold) return begin();
  timer_.set(now + plan_.limit);
}

void Fleet::on_go() {
  if (phase_ == Phase::holding) begin();
}

void Fleet::begin() {
  const Instant now = net::Loop::now();
  began_ = now;
  phase_ = Phase::publishing;
  timer_.set(now + plan_.limit);
  // Evenly over one interval, so that a slow pace of many is a steady one.
  std::uint32_t turn = 0;
  for (const auto& client : clients_) {
    if (client->role() != Client::Role::publisher) continue;
    client->publish(now + plan_.client.publish.interval * turn++ / plan_.publishers);
  }
}

/// No more messages; what was sent is still on its way.
void Fleet::drain() {
  phase_ = Phase::draining;
  give_up_ = net::Loop::now() + plan_.patience;
  timer_.set(give_up_);
  for (const auto& client : clients_) client->stop();
  check_drained();
}

void Fleet::on_client_done(Client&) {
  ++done_;
  check_drained();
}

void Fleet::check_drained() {
  const bool publishing = phase_ == Phase::publishing || phase_ == Phase::draining;
  if (!publishing || done_ < plan_.publishers) return;
  if (plan_.publishers == 0 && phase_ == Phase::publishing) return;  // the time limit says when
  report_.running = net::Loop::now() - began_;
  if (plan_.subscribers == 0) {
    leave();
  } else {
    settle();
  }
}

/// The publishers are done; what subscribers get may still be on its way.
void Fleet::settle() {
  phase_ = Phase::settling;
  const Instant now = net::Loop::now();
  if (give_up_ == kNever) give_up_ = now + plan_.patience;
  received_before_ = report_.tally.received;
  timer_.set(now + kLook);
  on_client_received();
}

void Fleet::on_client_received() {
  if (plan_.expect == 0 || phase_ == Phase::leaving) return;
  if (report_.tally.received < plan_.expect * plan_.subscribers) return;
  if (phase_ != Phase::settling && plan_.publishers != 0) return;
  report_.running = net::Loop::now() - began_;
  leave();
}

void Fleet::on_timer(Instant now) {
  switch (phase_) {
    case Phase::connecting:
      if (plan_.visits != 0) {
        visits_left_ = 0;
        return fail("the time was over before all connections were made");
      }
      return fail(std::to_string(ready_) + " of " + std::to_string(clients_.size()) +
                  " clients were ready when the patience ended");
    case Phase::holding:
      return fail("no SIGUSR1 came in time");
    case Phase::publishing:
      return drain();
    case Phase::draining:
      return fail("the last answers did not come in time");
    case Phase::settling:
      if (report_.tally.received != received_before_) {
        received_before_ = report_.tally.received;
        report_.running = now - began_;
        quiet_ = 0;
      } else {
        ++quiet_;
      }
      if (plan_.expect == 0 && quiet_ >= kQuietLooks) return leave();
      if (now >= give_up_) {
        return plan_.expect == 0 ? leave() : fail("subscribers did not get what was expected");
      }
      return timer_.set(now + kLook);
    case Phase::leaving:
      if (!std::exchange(said_goodbye_, true)) return say_goodbye(now);
      for (const auto& client : clients_) client->abort({});
  }
}

/// Everybody leaves, but not now: this may be the middle of one client's event, and the others must
/// not write before it is over.
void Fleet::leave() {
  if (phase_ == Phase::leaving) return;
  phase_ = Phase::leaving;
  visits_left_ = 0;
  timer_.set(net::Loop::now());
}

void Fleet::say_goodbye(Instant now) {
  timer_.set(now + kLeave);
  // A client that has no socket yet is gone at once; it is not the last one before the others went.
  ++present_;
  for (const auto& client : clients_) client->leave();
  --present_;
  end_if_alone();
}

void Fleet::end_if_alone() {
  if (!said_goodbye_ || present_ != 0) return;
  timer_.set(kNever);
  resolver_.close();
  bench_.close();
}

void Fleet::fail(std::string problem) {
  if (report_.problem.empty()) report_.problem = std::move(problem);
  leave();
}

void Fleet::on_signal() {
  if (phase_ == Phase::publishing && plan_.publishers != 0) return drain();
  if (phase_ == Phase::publishing) report_.running = net::Loop::now() - began_;
  if (phase_ == Phase::connecting || phase_ == Phase::holding) return fail("ended by a signal");
  leave();
}

void Fleet::on_client_gone(Client& client, std::string_view why) {
  --present_;
  if (!why.empty() && phase_ != Phase::leaving) {
    const std::string reason = "a client was lost: " + std::string(why);
    if (phase_ == Phase::connecting || phase_ == Phase::holding) {
      fail(reason);
    } else {
      ++report_.lost;
      if (report_.problem.empty()) report_.problem = reason;
      if (client.role() == Client::Role::publisher && !client.is_done()) ++done_;
      check_drained();
    }
  } else if (client.role() == Client::Role::visitor && phase_ == Phase::connecting) {
    ++report_.visits;
    if (visits_left_ != 0) {
      --visits_left_;
      ++present_;
      return client.connect();
    }
    if (present_ == 0) {
      report_.running = net::Loop::now() - began_;
      leave();
    }
  }
  end_if_alone();
}

}  // namespace sallyport::bench
