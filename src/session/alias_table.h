#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/mqtt.h"

namespace sallyport {

/// The topic aliases of one direction, as the sender knows them, and whether the receiver knows the
/// same. They differ after a refused PUBLISH: its sender has set an alias that the receiver never
/// learnt. 3.3.2.3.4 (5.0)
class AliasTable final {
 public:
  struct Entry {
    std::string topic;  // empty: the sender has not set it
    bool receiver_knows = false;
    std::optional<mqtt::Malformed> over;  // the bound that the topic is beyond
  };

  /// Aliases 1 to `maximum` are valid from here on. [MQTT-3.3.2-8]
  void set_maximum(std::uint16_t maximum) { maximum_ = maximum; }
  [[nodiscard]] bool valid(std::uint16_t alias) const { return alias != 0 && alias <= maximum_; }

  /// The topic that the sender means; null: it never set this alias.
  [[nodiscard]] const Entry* find(std::uint16_t alias) const;
  /// The sender sets a (valid) alias. `forwarded`: the receiver gets the same packet.
  void set(std::uint16_t alias, std::string_view topic, bool forwarded);
  /// The sender has set an alias to something that is not known here, or (0) maybe any of them.
  void forget(std::uint16_t alias);
  /// The sender sets an alias to a topic that is beyond a bound, and so never goes to the receiver.
  /// `topic` may be cut: it is for those who read what is refused.
  void set_beyond(std::uint16_t alias, std::string_view topic, mqtt::Malformed over);
  /// The receiver was told topic and alias together.
  void mark_known(std::uint16_t alias);

  [[nodiscard]] std::size_t memory() const;

 private:
  std::vector<Entry> entries_;  // [0] is alias 1; grows to the highest alias in use
  std::uint16_t maximum_ = 0;
};

}  // namespace sallyport
