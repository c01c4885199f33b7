#include "proxy/worker.h"

#include <string>
#include <utility>

namespace sallyport::proxy {

namespace {

constexpr Duration kHeartbeat = std::chrono::seconds(1);
// Clocks that are disciplined run a thousandth faster or slower; this one was set.
constexpr Duration kClockStep = std::chrono::milliseconds(100);

net::Listener::Settings accept_settings(const Snapshot& snapshot) {
  return {snapshot.turn.accepts, snapshot.accept.pause};
}
}  // namespace

Worker::Worker(Place place, std::shared_ptr<const Snapshot> snapshot, Door& door,
               GatewayEvents& events, Watcher& watcher, std::unique_ptr<net::Loop> loop)
    : place_(place),
      events_(events),
      watcher_(watcher),
      snapshot_(std::move(snapshot)),
      door_(door),
      loop_(std::move(loop)),
      wakeup_(*this),
      resolver_(*loop_),
      dialer_(*loop_, timers_, resolver_),
      heartbeat_(timers_, *this),
      sweep_(*loop_, relays_),
      next_id_(place.first_session + place.index) {
  follow_snapshot();
}

std::expected<std::unique_ptr<Worker>, int> Worker::make(Place place,
                                                         std::shared_ptr<const Snapshot> snapshot,
                                                         std::vector<net::Socket> sockets,
                                                         Door& door, GatewayEvents& events,
                                                         Watcher& watcher, net::WorkPool* pool) {
  auto loop = net::Loop::make();
  if (!loop) return std::unexpected(loop.error());
  std::unique_ptr<Worker> worker(
      new Worker(place, std::move(snapshot), door, events, watcher, std::move(*loop)));
  if (const int error = worker->timers_.open(*worker->loop_); error != 0) {
    return std::unexpected(error);
  }
  if (const int error = worker->wakeup_.open(*worker->loop_); error != 0) {
    worker->timers_.close();
    return std::unexpected(error);
  }
  worker->open_ = true;  // from here on the destructor closes what is open
  if (pool != nullptr) {
    if (const int error = worker->port_.emplace(*pool).open(*worker->loop_); error != 0) {
      return std::unexpected(error);
    }
  }
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    net::Listener::Handler& handler = *worker;
    worker->listeners_.push_back(std::make_unique<net::Listener>(
        worker->timers_, handler, std::move(sockets[i]), i, accept_settings(*worker->snapshot_)));
    if (const int error = worker->listeners_.back()->start(*worker->loop_); error != 0) {
      return std::unexpected(error);
    }
  }
  return worker;
}

Worker::~Worker() {
  // Never run, or make() failed half-way: there are no relays.
  if (open_) end();
  // What was closed needs its loop once more, while the handles are still there.
  loop_->run();
}

void Worker::run() {
  on_timer(net::Loop::now());
  loop_->run();
}

void Worker::post_reload(std::shared_ptr<const Snapshot> snapshot, Count done) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  mail_.snapshot = std::move(snapshot);
  if (done != nullptr) mail_.reloads.push_back(std::move(done));
  wakeup_.notify();
}

void Worker::post_drain(const Drain& drain) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  if (!mail_.drain) mail_.drain = drain;
  mail_.drain->limit = std::min(mail_.drain->limit, drain.limit);
  wakeup_.notify();
}

void Worker::post(Question question) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  mail_.questions.push_back(std::move(question));
  wakeup_.notify();
}

void Worker::on_wakeup() {
  Mail mail;
  {
    const std::lock_guard lock(mutex_);
    mail = std::exchange(mail_, {});
  }
  if (!open_) return;
  if (mail.snapshot) reload(std::move(mail.snapshot), std::move(mail.reloads));
  for (Question& question : mail.questions) answer(std::move(question));
  if (mail.drain) drain(*mail.drain);
}

void Worker::answer(Question question) {
  if (auto* const ask = std::get_if<Answer<std::vector<WorkerStatus>>>(&question)) {
    (*ask)->put([this](std::vector<WorkerStatus>& all) { all.push_back(status()); });
  } else if (auto* const list = std::get_if<task::List>(&question)) {
    sweep_.begin(std::move(*list));
  } else {
    sweep_.begin(std::move(std::get<task::End>(question)));
  }
}

WorkerStatus Worker::status() const {
  WorkerStatus status{place_.index, relays_.size(), 0, sweep_.pending(), draining_};
  for (const auto& relay : relays_) status.sessions += relay->has_session() ? 1U : 0U;
  return status;
}

void Worker::on_connection(net::Listener& listener, net::Socket socket, const net::Address& peer) {
  const auto& settings = snapshot_->listeners[listener.index()];
  auto slot = door_.accepted(*snapshot_, listener.index(), peer.ip());
  if (!slot) {
    report_refusal(events_, Phase::accept, *settings, peer.ip(), slot.error());
    return;
  }
  events_.on_accept(settings->name);
  relays_.push_back(std::make_unique<Relay>(*this, listener.index(), std::move(*slot), peer.ip(),
                                            net::Loop::now()));
  Relay& relay = *relays_.back();
  relay.index = relays_.size() - 1;
  if (relay.start(std::move(socket)) != 0 && relay.is_closed()) remove(relay);
}

void Worker::on_accept_paused(net::Listener& listener, int error) {
  const Instant now = net::Loop::now();
  if (now < pause_said_ + snapshot_->accept.say_every) return;
  pause_said_ = now;
  watcher_.on_accept_paused(snapshot_->listeners[listener.index()]->name, net::describe(error));
}

void Worker::on_timer(Instant now) {
  tell_moved();
  events_.on_dials(dialer_.running(), dialer_.waiting());
  events_.on_heartbeat();
  watch_wall_clock(now);
  if (now >= drain_until_) {
    drain_until_ = kNever;
    departures_.clear();
    departing_.cancel();
    sweep_.clear();
    sweep_.begin(task::Abort{});
  }
  heartbeat_.set(std::min(now + kHeartbeat, drain_until_));
}

/// What was moved since the last heartbeat: a few hundred instructions for each session that has
/// moved anything, and nothing for one that has not.
void Worker::tell_moved() {
  events_.on_wire_bytes(std::exchange(wire_, {}));
  for (Relay* const relay : movers_) {
    relay->tell_moved();
    relay->mover = Relay::kNoMover;
  }
  movers_.clear();
}

/// Ends of certificates are told by the system's clock, timers by another one. Where the first was
/// set, all are judged anew.
void Worker::watch_wall_clock(Instant now) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto ahead = std::chrono::duration_cast<Duration>(wall) - now.time_since_epoch();
  const Duration moved = std::exchange(wall_ahead_, ahead) - ahead;
  if (!watches_wall_clock_) {
    watches_wall_clock_ = true;
  } else if (std::chrono::abs(moved) > kClockStep) {
    sweep_.judge({});
  }
}

void Worker::reload(std::shared_ptr<const Snapshot> snapshot, std::vector<Count> answers) {
  snapshot_ = std::move(snapshot);
  follow_snapshot();
  for (const auto& listener : listeners_) listener->set(accept_settings(*snapshot_));
  sweep_.judge(std::move(answers));
}

void Worker::follow_snapshot() {
  const TurnBudget& turn = snapshot_->turn;
  resolver_.set_target(snapshot_->broker.host, snapshot_->broker.port);
  dialer_.configure(snapshot_->broker);
  loop_->set_budget({.read_bytes = turn.read_bytes, .late_tasks = turn.handshakes});
  sweep_.set_slice(turn.sessions);
}

void Worker::drain(const Drain& drain) {
  const Instant now = net::Loop::now();
  drain_until_ = std::min(drain_until_, now + drain.limit);
  heartbeat_.set(std::min(heartbeat_.at(), drain_until_));
  if (!std::exchange(draining_, true)) {
    for (const auto& listener : listeners_) listener->close();
    // Looking at all of them in one go costs a few loads each; whoever has to go has the window.
    for (const auto& relay : relays_) departures_.add(*relay, relay->heard_at());
    departures_.begin(now, drain.window);
    let_go(now);
  }
  if (relays_.empty()) end();
}

void Worker::let_go(Instant now) {
  const Instant next = departures_.let_go(now, snapshot_->turn.sessions);
  if (next > now) {
    departing_.timer.set(next);
  } else {
    loop_->enqueue(departing_.turn);
  }
}

void Worker::remove(Relay& relay) {
  departures_.forget(relay);
  if (relay.mover != Relay::kNoMover) {
    movers_.back()->mover = relay.mover;
    movers_[relay.mover] = movers_.back();
    movers_.pop_back();
  }
  const std::string listener(relay.listener_name());
  const std::size_t index = relay.index;
  std::swap(relays_[index], relays_.back());
  relays_[index]->index = index;
  relays_.pop_back();
  // Its place is free before anybody hears of it.
  events_.on_connection_closed(listener);
  if (draining_ && relays_.empty()) end();
}

void Worker::end() {
  open_ = false;
  sweep_.clear();
  departures_.clear();
  departing_.cancel();
  heartbeat_.set(kNever);
  tell_moved();
  for (const auto& listener : listeners_) listener->close();
  resolver_.close();
  if (port_) port_->close();
  timers_.close();
  // Mail may still be posted, by somebody who does not know yet that this is the end. It is
  // dropped, and whoever waits for an answer gets that of the others.
  Mail dropped;
  const std::lock_guard lock(mutex_);
  dropped = std::exchange(mail_, {});
  ended_ = true;
  wakeup_.close();
}

}  // namespace sallyport::proxy
