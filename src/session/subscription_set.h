#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sallyport/bytes.h"
#include "sallyport/mqtt.h"
#include "sallyport/siphash.h"

namespace sallyport {

/// The topic filters that one connection has subscribed to, counted: those that a SUBSCRIBE took to
/// the broker, without those that the broker refused, and until it has answered the UNSUBSCRIBE.
///
/// A filter is kept as eight bytes of a keyed hash, so a client cannot choose filters that count as
/// one, and what it can make the gateway keep depends on the limit alone. What a session held
/// before this connection is not known here, and not counted.
class SubscriptionSet final {
 public:
  explicit SubscriptionSet(const HashKey& key) : key_(key) {}

  void set_maximum(std::uint16_t maximum) { maximum_ = maximum; }
  [[nodiscard]] std::size_t size() const { return held_.size(); }

  /// Room for so many more, whatever they are?
  [[nodiscard]] bool has_room(std::size_t filters) const {
    return held_.size() + filters <= maximum_;
  }

  /// A SUBSCRIBE or UNSUBSCRIBE begins. What another one of its kind still asks under the same
  /// identifier, as 3.x allows, stays held: their answers could not be told apart.
  void begin(mqtt::PacketType type, std::uint16_t packet_id);
  /// A filter goes to the broker as entry `index` of the SUBSCRIBE `packet_id`. False: it would be
  /// one more than the maximum, and must not go. One that is held already counts no more.
  [[nodiscard]] bool subscribe(std::uint16_t packet_id, std::uint32_t index,
                               std::string_view filter);
  /// A filter goes to the broker as entry `index` of the UNSUBSCRIBE `packet_id`.
  void unsubscribe(std::uint16_t packet_id, std::uint32_t index, std::string_view filter);
  /// The broker's answer to SUBSCRIBE or UNSUBSCRIBE `packet_id`, one code for each entry;
  /// UNSUBACK of 3.x has none, and means yes.
  void answered(mqtt::PacketType type, std::uint16_t packet_id, Bytes codes);

  [[nodiscard]] std::size_t memory() const;

 private:
  /// A held filter that the broker has yet to say something about. There is at most one for each.
  struct Asked {
    std::uint64_t hash;
    std::uint32_t index;
    std::uint16_t packet_id;
    bool leaves;  // by UNSUBSCRIBE
  };
  void ask(const Asked& asked);
  void settle(std::uint64_t hash);
  void release(std::uint64_t hash);

  const HashKey& key_;
  std::vector<std::uint64_t> held_;  // sorted
  std::vector<Asked> asked_;         // sorted by hash: one request may ask for thousands
  std::uint16_t maximum_ = 0;
};

}  // namespace sallyport
