#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sallyport/bytes.h"
#include "sallyport/mqtt.h"

namespace sallyport {

/// SUBSCRIBEs and UNSUBSCRIBEs that the broker has not answered. Some went there without their
/// refused filters: when the answer comes, the codes of those are put back in their places. Of the
/// others it is only checked that they get a code for every filter. [MQTT-3.8.4-5 (3.1.1)]
/// [MQTT-3.8.4-6 (5.0)]
class SubscribeWindow final {
 public:
  /// What a client asked, in order: the code that its filter was refused with, or kForwarded.
  using Codes = std::vector<std::uint8_t>;
  static constexpr std::uint8_t kForwarded = 0xFF;  // no reason code has this value

  struct Request {
    mqtt::PacketType type = mqtt::PacketType::subscribe;  // or unsubscribe
    Codes codes;                                          // empty: all of it went to the broker
    std::uint32_t behind =
        0;  // filters behind those of `codes`, all of them refused for their number
    std::uint8_t over_code = 0;   // and with which code
    std::uint32_t forwarded = 0;  // filters that went to the broker, which owes a code for each

    /// Returns the codes of all filters: the refusals, the broker's for those that went to it, and
    /// failure where these end early.
    [[nodiscard]] Codes answer(Bytes from_broker) const;
  };

  void set_maximum(std::uint16_t maximum) { maximum_ = maximum; }
  /// As many requests without their refused filters as may be.
  [[nodiscard]] bool full() const { return reduced_ >= maximum_; }
  [[nodiscard]] bool contains(std::uint16_t packet_id) const;
  /// Of those, one that went without its refused filters.
  [[nodiscard]] bool contains_reduced(std::uint16_t packet_id) const;

  /// A request that went without its refused filters: it has codes. Not for an identifier with
  /// contains_reduced().
  void add(std::uint16_t packet_id, Request request);
  /// A request of so many filters that went as it was. It is not followed where there are `maximum`
  /// of these already, or its identifier is contained.
  void follow(std::uint16_t packet_id, mqtt::PacketType type, std::uint32_t count);
  /// Returns what was asked under this identifier by a packet of this type, and forgets it; returns
  /// none if that is not known.
  [[nodiscard]] std::optional<Request> take(std::uint16_t packet_id, mqtt::PacketType type);

  [[nodiscard]] bool is_empty() const { return pending_.empty(); }
  [[nodiscard]] std::size_t memory() const;

 private:
  struct Pending {
    std::uint16_t packet_id;
    Request request;
    [[nodiscard]] bool reduced() const { return !request.codes.empty(); }
  };
  Request remove(std::vector<Pending>::iterator at);

  std::vector<Pending> pending_;
  std::size_t reduced_ = 0;  // of pending_
  std::uint16_t maximum_ = 0;
};

}  // namespace sallyport
