#include "observe/notices.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "observe/ending.h"

namespace sallyport::observe {

namespace {

std::string times(std::uint64_t count) {
  return count == 1 ? "once" : std::to_string(count) + " times";
}

}  // namespace

Notices::Notices(const Names& names, std::span<const std::unique_ptr<WorkerCounters>> workers,
                 Duration every)
    : names_(names), workers_(workers), every_(every), bounds_(names.listeners.size()) {}

std::vector<Notice> Notices::look(Instant now, std::chrono::system_clock::time_point wall) {
  std::vector<Notice> out;
  look_at_broker(now, out);
  look_at_bounds(now, out);
  look_at_chain(wall, out);
  return out;
}

/// Once when the end is near, and again for each day that is less.
void Notices::look_at_chain(std::chrono::system_clock::time_point wall, std::vector<Notice>& out) {
  const auto end = broker_chain_end(workers_);
  if (!end || *end - wall >= kEndsSoon) {
    days_said_.reset();
    return;
  }
  const auto days = std::chrono::floor<std::chrono::days>(*end - wall).count();
  if (days_said_ && *days_said_ <= days) return;
  days_said_ = days;
  out.push_back({true, "the broker's certificate, or a CA of its chain, " + ends_in(*end - wall)});
}

void Notices::look_at_broker(Instant now, std::vector<Notice>& out) {
  CheckCounts failures{};
  for (const auto& worker : workers_) {
    for (std::size_t i = 0; i < kChecks; ++i) failures[i] += worker->broker_failures[i].value();
  }
  const std::uint64_t failed = std::accumulate(failures.begin(), failures.end(), std::uint64_t{0});

  if (!broker_away_ && failures != failures_ && now >= next_broker_) {
    // The most frequent reason speaks for all.
    std::size_t reason = 0;
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < kChecks; ++i) {
      if (failures[i] - failures_[i] <= most) continue;
      most = failures[i] - failures_[i];
      reason = i;
    }
    const auto check = static_cast<Check>(reason);
    failed_before_ = std::accumulate(failures_.begin(), failures_.end(), std::uint64_t{0});
    broker_away_ = true;
    away_since_ = now;
    next_broker_ = now + every_;
    std::string detail;
    for (const auto& worker : workers_) {
      if (detail.empty()) detail = worker->broker_failure.text_of(check);
    }
    if (detail.empty()) detail = describe(check);
    out.push_back({true, "the broker cannot be reached: " + detail + " (" +
                             std::string(to_string(check)) + ")"});
  }
  if (broker_away_ && last_broker_connect(workers_).value_or(false)) {
    broker_away_ = false;
    failures_ = failures;
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now - away_since_).count();
    out.push_back({false, "the broker is reached again: " + std::to_string(seconds) +
                              " s later; connecting to it failed " +
                              times(failed - failed_before_)});
  }
}

void Notices::look_at_bounds(Instant now, std::vector<Notice>& out) {
  for (std::size_t listener = 0; listener < bounds_.size(); ++listener) {
    for (std::size_t i = 0; i < kBoundChecks.size(); ++i) {
      std::uint64_t count = 0;
      for (const auto& worker : workers_) count += worker->listeners[listener].at_bound[i].value();
      Repeated& bound = bounds_[listener][i];
      if (count == bound.said || now < bound.next) continue;
      out.push_back({true, "listener \"" + names_.listeners[listener] + "\" refused " +
                               (count - bound.said == 1
                                    ? std::string("a connection")
                                    : std::to_string(count - bound.said) + " connections") +
                               ": " + std::string(describe(kBoundChecks[i])) + " (" +
                               std::string(to_string(kBoundChecks[i])) + ")"});
      bound = {.said = count, .next = now + every_};
    }
  }
}

}  // namespace sallyport::observe
