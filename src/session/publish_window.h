#pragma once

#include <cstdint>
#include <vector>

namespace sallyport {

/// The QoS 2 exchanges that the client began, by packet identifier: those that the broker carries
/// on, which are counted against the limit, and those that the gateway refused and must finish by
/// itself, because MQTT 3.x has no way to say no to a PUBLISH. 4.3.3
class PublishWindow final {
 public:
  /// `maximum`: QoS 2 exchanges open at once, of both kinds together; of those that are refused for
  /// that there may be as many again.
  void set_maximum(std::uint16_t maximum) { maximum_ = maximum; }

  [[nodiscard]] bool with_broker(std::uint16_t packet_id) const;
  /// Was refused, and the gateway has not forgotten it (finished or not).
  [[nodiscard]] bool refused(std::uint16_t packet_id) const;
  /// As many as may be open, of both kinds together.
  [[nodiscard]] bool full() const { return with_broker_.size() + open_refusals_ >= maximum_; }
  /// What comes beyond that is refused one by one, until there are as many refusals again.
  [[nodiscard]] bool full_of_refusals() const { return open_refusals_ >= maximum_; }

  /// A QoS 2 PUBLISH went to the broker.
  void forward(std::uint16_t packet_id);
  /// The broker's PUBCOMP, or a PUBREC that ends the exchange.
  void complete(std::uint16_t packet_id);
  /// A QoS 2 PUBLISH was refused and PUBREC answered.
  void refuse(std::uint16_t packet_id);
  /// PUBREL of a refused one: true, and PUBCOMP is the gateway's to send. The identifier is kept a
  /// while, because a client that lost the PUBCOMP sends PUBREL again.
  [[nodiscard]] bool release_refused(std::uint16_t packet_id);

  /// No exchange is open, of either kind.
  [[nodiscard]] bool is_empty() const { return with_broker_.empty() && open_refusals_ == 0; }
  [[nodiscard]] std::size_t memory() const;

 private:
  struct Refused {
    std::uint16_t packet_id;
    bool released;
  };
  std::vector<std::uint16_t> with_broker_;
  std::vector<Refused> refused_;     // oldest first
  std::uint16_t open_refusals_ = 0;  // of refused_, those not released
  std::uint16_t maximum_ = 0;
};

}  // namespace sallyport
