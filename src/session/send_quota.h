#pragma once

#include <algorithm>
#include <cstdint>

namespace sallyport {

/// How many QoS 1 and 2 messages one side may still send before the other acknowledges one: the
/// other's Receive Maximum. 4.9 (5.0)
///
/// Acknowledgements pass the gateway before they reach the sender, so a sender that keeps its quota
/// never exceeds what is counted here.
class SendQuota final {
 public:
  void set_maximum(std::uint16_t maximum) { maximum_ = maximum; }
  [[nodiscard]] bool spent() const { return open_ >= maximum_; }
  [[nodiscard]] bool is_used() const { return open_ != 0; }

  /// A new message goes to the receiver.
  void take() { ++open_; }
  /// The receiver has sent PUBACK, PUBCOMP or a PUBREC of 0x80 or more. That may belong to a
  /// message of an earlier connection, which was never counted here.
  void give_back() { open_ -= std::min<std::uint32_t>(open_, 1); }

 private:
  std::uint32_t open_ = 0;
  std::uint32_t maximum_ = UINT16_MAX;
};

}  // namespace sallyport
