#pragma once

#include <cstdint>

#include "sallyport/time.h"

#include "session/alias_table.h"
#include "session/inlet.h"
#include "session/outlet.h"
#include "session/send_quota.h"
#include "session/verdict_memo.h"

namespace sallyport {

/// What belongs to the packets of one direction: one side sends them, the other receives them.
struct Direction {
  Inlet inlet;                // from the sender
  Outlet outlet;              // to the receiver
  AliasTable aliases;         // topic aliases, as the sender knows them
  VerdictMemo verdicts;       // on the sender's PUBLISHes
  SendQuota quota;            // of the sender: the receiver's Receive Maximum
  Instant throttled_until{};  // the sender is not read until then; Instant{}: it is read
  std::uint64_t packets = 0;  // that the sender has sent, whole or streaming, and their bytes
  std::uint64_t bytes = 0;
  bool refused_last = false;  // the sender's last PUBLISH that on_publish() decided was refused
  /// The largest packet that the receiver takes, by what it said itself.
  /// 3.1.2.11.4, 3.2.2.3.6 (5.0)
  std::uint32_t receiver_max = UINT32_MAX;

  void count(std::uint64_t size) {
    ++packets;
    bytes += size;
  }
  void take_back(std::uint64_t size) {
    --packets;
    bytes -= size;
  }

  /// A packet is half way, or messages wait for their acknowledgements.
  [[nodiscard]] bool is_busy() const {
    return inlet.mid_packet() || inlet.gathering() || outlet.mid_packet() || quota.is_used();
  }
  [[nodiscard]] bool throttled() const { return throttled_until != Instant{}; }
  [[nodiscard]] std::size_t memory() const {
    return inlet.memory() + outlet.memory() + aliases.memory() + verdicts.memory();
  }
};

}  // namespace sallyport
