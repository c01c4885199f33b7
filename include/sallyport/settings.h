#pragma once

#include <cstdint>
#include <string>

#include "sallyport/time.h"

/// What operators set and a part reads, as plain values. The configuration's struct and the part's
/// struct both begin with the same one of these: each default stands once, and what the files say
/// reaches the part as a whole, so that a new field cannot be forgotten on the way.
namespace sallyport::settings {

/// [broker]
struct Broker {
  Duration connect_timeout = std::chrono::seconds(5);   // name, TCP and TLS together
  Duration connack_timeout = std::chrono::seconds(10);  // from dialling to CONNACK
  [[nodiscard]] friend bool operator==(const Broker&, const Broker&) = default;
};

/// [[listener]]
struct Listener {
  std::uint32_t max_connections = 10'000;         // all workers together
  std::uint32_t max_connections_per_address = 0;  // 0: no limit; IPv6 counts by /64
  /// A side that is slow and takes not one byte for so long is taken for dead. Without it a peer
  /// that never reads would hold its place, and the other side, for ever.
  Duration stall_timeout = std::chrono::seconds(60);
  [[nodiscard]] friend bool operator==(const Listener&, const Listener&) = default;
};

/// [observe]
struct Audit {
  std::string audit_log;             // path, "stdout", or "" for none
  std::uint32_t audit_queue = 8192;  // lines of each worker that wait to be written
  [[nodiscard]] friend bool operator==(const Audit&, const Audit&) = default;
};

}  // namespace sallyport::settings
