#include "play.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sallyport/session.h"

#include "describe.h"
#include "input.h"

namespace sallyport::differential {

namespace {

using nlohmann::json;

constexpr Instant kNow{std::chrono::seconds(1000)};

struct Refusals final : Events {
  std::vector<std::string> names;
  void on_refusal(const Who& /*who*/, const Refusal& refusal) override {
    names.push_back(std::string(refusal.cause.name) + ' ' + std::string(to_string(refusal.action)));
  }
};

policy::Policy::Ptr allow_everything() {
  policy::RuleSpec rule;
  rule.id = "all";
  rule.publish = {"#", "$SYS/#"};
  rule.subscribe = {"#", "$SYS/#"};
  policy::RoleSpec role;
  role.name = "everybody";
  role.rules = {rule};
  auto policy = policy::Policy::compile({.roles = {role}});
  if (!policy) throw std::logic_error(policy.error().front().message);
  return *policy;
}

/// One session and what came out of it.
class Stage {
 public:
  Stage()
      : session_(options(), {"devices", "127.0.0.1", {}, {}, {}}, allow_everything(), refusals_, 1,
                 kNow) {}

  void sends(Side from, Bytes bytes) {
    kept_[from] += as_text(bytes);
    // What has to wait is fed again, as the relay does.
    for (bool more = true; more;) {
      more = false;
      for (const Side side : {Side::client, Side::broker}) more = feed(side) || more;
    }
  }
  [[nodiscard]] json result() const {
    return {{"client", to_hex(as_bytes(got_[Side::client]))},
            {"broker", to_hex(as_bytes(got_[Side::broker]))},
            {"closed", closed_},
            {"refusals", refusals_.names}};
  }

 private:
  static const SessionOptions& options() {
    static const SessionOptions kOptions = [] {
      SessionOptions options;
      options.bounds.bridges = true;
      // As high as they go, so that CONNECT and CONNACK stay as they are.
      options.bounds.max_packet = 256 * 1024 * 1024;
      options.bounds.max_gathered = 256 * 1024 * 1024;
      options.bounds.max_packet_before_connect = 1024 * 1024;
      options.bounds.max_topic_aliases = UINT16_MAX;
      options.bounds.max_qos2_in_flight = UINT16_MAX;
      options.bounds.max_keep_alive = UINT16_MAX;
      return options;
    }();
    return kOptions;
  }

  /// Returns whether anything was taken.
  bool feed(Side side) {
    if (kept_[side].empty()) return false;
    const std::string bytes = kept_[side];
    const std::size_t taken = session_.feed(side, as_bytes(bytes), kNow, turn_);
    kept_[side].erase(0, taken);
    collect();
    return taken != 0;
  }

  void collect() {
    for (const Side side : {Side::client, Side::broker}) {
      for (const Bytes segment : turn_.to(side).segments()) got_[side] += as_text(segment);
    }
    closed_ = closed_ || turn_.close.has_value();
    const bool dial = turn_.dial;
    turn_.clear();
    if (!dial) return;
    session_.broker_connected(kNow, turn_);
    collect();
  }

  Refusals refusals_;
  Turn turn_;
  PerSide<std::string> kept_;  // of what a side sends
  PerSide<std::string> got_;
  bool closed_ = false;
  Session session_;
};

}  // namespace

json play(const json& request) {
  Stage stage;
  for (const json& step : request.at("steps")) {
    const Input bytes(step.at("bytes").get<std::string>());
    stage.sends(step.at("from") == "client" ? Side::client : Side::broker, bytes.bytes());
  }
  return stage.result();
}

}  // namespace sallyport::differential
