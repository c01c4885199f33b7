// Topic names and filters.

#include <array>

#include "sallyport/topic.h"

#include "bench/micro/case.h"

namespace sallyport::bench {

namespace {

constexpr std::string_view kTopic = "plant/bench-1/telemetry/temperature";

class CheckName final : public Case {
 public:
  explicit CheckName(std::uint64_t) {
    require(!mqtt::check_topic_name(topic_, limits_), "the topic name is refused");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) keep(mqtt::check_topic_name(topic_, limits_));
  }

 private:
  const Bounds limits_;
  const std::string topic_{kTopic};
};

using Relation = bool (*)(std::string_view, std::string_view);

/// One of matches(), contains() and overlaps(), for pairs in which it holds and pairs in which it
/// does not.
template <Relation kRelation>
class Related final : public Case {
 public:
  explicit Related(std::uint64_t) {
    const bool topic = kRelation == Relation{mqtt::matches};
    const std::string_view right = topic ? kTopic : std::string_view("plant/+/telemetry/#");
    pairs_ = {{{"plant/#", std::string(right)},
               {"plant/+/telemetry/#", std::string(right)},
               {"plant/+/status/#", std::string(right)},
               {"site/+/telemetry/#", std::string(right)}}};
    require(kRelation(pairs_[1].left, pairs_[1].right), "a pair that fits does not");
    require(!kRelation(pairs_[2].left, pairs_[2].right), "a pair that does not fit does");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) {
      const Pair& pair = pairs_[steps & 3];
      keep(kRelation(pair.left, pair.right));
    }
  }

 private:
  struct Pair {
    std::string left;
    std::string right;
  };
  std::array<Pair, 4> pairs_;
};

}  // namespace

std::vector<CaseSpec> topic_cases() {
  return {
      {"topic/check-name", "check a topic name of four levels", kTopic.size(), 0,
       make_case<CheckName>},
      {"topic/matches", "does a filter match a topic", 0, 0, make_case<Related<mqtt::matches>>},
      {"topic/contains", "does a filter contain another", 0, 0, make_case<Related<mqtt::contains>>},
      {"topic/overlaps", "do two filters overlap", 0, 0, make_case<Related<mqtt::overlaps>>},
  };
}

}  // namespace sallyport::bench
