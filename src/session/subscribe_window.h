#pragma once

#include <cstdint>
#include <vector>

#include "sallyport/bytes.h"

namespace sallyport {

/// SUBSCRIBEs that went to the broker without their refused filters. When the SUBACK comes, the
/// codes of the refused ones are put back in their places. [MQTT-3.8.4-5] (3.1.1)
class SubscribeWindow final {
 public:
  /// What a client asked, in order: the code that its filter was refused with, or kForwarded.
  using Codes = std::vector<std::uint8_t>;
  static constexpr std::uint8_t kForwarded = 0xFF;  // no reason code has this value

  void set_maximum(std::uint16_t maximum) { maximum_ = maximum; }
  [[nodiscard]] bool full() const { return pending_.size() >= maximum_; }
  [[nodiscard]] bool contains(std::uint16_t packet_id) const;

  void add(std::uint16_t packet_id, Codes codes);
  /// Empty: nothing was taken out of that SUBSCRIBE. The entry is forgotten.
  [[nodiscard]] Codes take(std::uint16_t packet_id);

  /// Fills the broker's codes into the places that were forwarded; false: their number is wrong.
  [[nodiscard]] static bool merge(Codes& codes, Bytes from_broker);

  [[nodiscard]] std::size_t memory() const;

 private:
  struct Pending {
    std::uint16_t packet_id;
    Codes codes;
  };
  std::vector<Pending> pending_;
  std::uint16_t maximum_ = 0;
};

}  // namespace sallyport
