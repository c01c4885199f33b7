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
  look_at_debug_lines(out);
  return out;
}

void Notices::look_at_debug_lines(std::vector<Notice>& out) {
  for (const auto& worker : workers_) {
    auto [lines, more] = worker->debug_lines.take();
    for (std::string& line : lines) out.push_back({settings::LogLevel::debug, std::move(line)});
    if (more == 0) continue;
    out.push_back({settings::LogLevel::debug, "and " + std::to_string(more) + " more"});
  }
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
  out.push_back({settings::LogLevel::warn,
                 "the broker's certificate, or a CA of its chain, " + ends_in(*end - wall)});
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
    auto line = std::make_unique<AuditRecord>(AuditEvent::broker_down, wall_clock());
    line->set(AuditField::check, to_string(check));
    line->set(AuditField::detail, detail);
    out.push_back(
        {settings::LogLevel::warn,
         "the broker cannot be reached: " + detail + " (" + std::string(to_string(check)) + ")",
         std::move(line)});
  }
  if (broker_away_ && last_broker_connect(workers_).value_or(false)) {
    broker_away_ = false;
    failures_ = failures;
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now - away_since_).count();
    auto line = std::make_unique<AuditRecord>(AuditEvent::broker_up, wall_clock());
    line->set(AuditField::count, failed - failed_before_);
    line->set_seconds(AuditField::duration, now - away_since_);
    out.push_back({settings::LogLevel::info,
                   "the broker is reached again: " + std::to_string(seconds) +
                       " s later; connecting to it failed " + times(failed - failed_before_),
                   std::move(line)});
  }
}

void Notices::look_at_bounds(Instant now, std::vector<Notice>& out) {
  for (std::size_t listener = 0; listener < bounds_.size(); ++listener) {
    for (std::size_t i = 0; i < kBoundChecks.size(); ++i) {
      std::uint64_t count = 0;
      for (const auto& worker : workers_) count += worker->listeners[listener].at_bound[i].value();
      Repeated& bound = bounds_[listener][i];
      if (count == bound.said || now < bound.next) continue;
      out.push_back(
          {settings::LogLevel::warn,
           "listener \"" + names_.listeners[listener] + "\" refused " +
               (count - bound.said == 1 ? std::string("a connection")
                                        : std::to_string(count - bound.said) + " connections") +
               ": " + std::string(describe(kBoundChecks[i])) + " (" +
               std::string(to_string(kBoundChecks[i])) + ")"});
      bound = {.said = count, .next = now + every_};
    }
  }
}

}  // namespace sallyport::observe
