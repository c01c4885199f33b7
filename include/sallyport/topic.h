#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "sallyport/bounds.h"
#include "sallyport/mqtt.h"
#include "sallyport/utf8.h"

/// Topic names and topic filters. 4.7; shared subscriptions 4.8.2 (5.0)
///
/// matches(), contains() and overlaps() expect validated input. All three honour [MQTT-4.7.2-1]:
/// a filter that begins with a wildcard does not reach topics that begin with `$`.
namespace sallyport::mqtt {

/// A topic name as in PUBLISH: not empty, no wildcard, within the bounds. [MQTT-4.7.3-1]
[[nodiscard]] std::optional<Check> check_topic_name(std::string_view topic, const Bounds& bounds);

/// A topic filter as in SUBSCRIBE; `$share/name/filter` is taken apart and checked in MQTT 5 and,
/// because brokers honour it there too, in 3.x. [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1]
[[nodiscard]] std::optional<Check> check_topic_filter(std::string_view filter,
                                                      const Bounds& bounds);

struct SharedFilter {
  std::string_view share_name;  // empty: not a shared subscription
  std::string_view filter;      // what policy looks at
};
/// Takes `$share/name/` off a validated filter.
[[nodiscard]] SharedFilter split_share(std::string_view filter);

/// Does the filter match the topic name?
[[nodiscard]] bool matches(std::string_view filter, std::string_view topic);
/// Does `outer` match every topic that `inner` matches?
[[nodiscard]] bool contains(std::string_view outer, std::string_view inner);
/// Is there a topic that both match?
[[nodiscard]] bool overlaps(std::string_view a, std::string_view b);

/// Walks the levels of a topic or filter: "a//b" has "a", "", "b".
class Levels {
 public:
  explicit Levels(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool next(std::string_view& level) {
    if (done_) return false;
    const auto slash = rest_.find('/');
    if (slash == std::string_view::npos) {
      level = rest_;
      done_ = true;
    } else {
      level = rest_.substr(0, slash);
      rest_.remove_prefix(slash + 1);
    }
    return true;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

}  // namespace sallyport::mqtt
