#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/keys.h"
#include "config/options.h"

namespace sallyport::config {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

/// A table at the top of gateway.toml.
struct Section {
  std::string_view name;
  void (*read)(TableReader& table, GatewayOptions& into);
  void (*list)(const GatewayOptions& from, const std::string& path, std::vector<KeyInfo>& out);
  bool repeated = false;           // [[name]]: read() and list() are for each of them
  std::string_view required = {};  // as Key::required
};

// One file each, or one for several small ones.
[[nodiscard]] Section limits_section();
[[nodiscard]] Section broker_section();
[[nodiscard]] Section listener_section();
[[nodiscard]] Section connections_section();
[[nodiscard]] Section turn_section();
[[nodiscard]] Section accept_section();
[[nodiscard]] Section files_section();
[[nodiscard]] Section ledger_section();
[[nodiscard]] Section login_section();
[[nodiscard]] Section workers_section();
[[nodiscard]] Section policy_section();
[[nodiscard]] Section observe_section();
[[nodiscard]] Section admin_section();
[[nodiscard]] Section log_section();
[[nodiscard]] Section drain_section();
[[nodiscard]] Section reload_section();

/// That any key which counts connections accepts.
inline constexpr std::uint64_t kMostConnections = 10'000'000;

/// "1.2" and "1.3", for both sides.
inline constexpr Words<tls::ProtocolVersion, 2> kTlsVersions = {
    {"1.2", "1.3"}, {tls::ProtocolVersion::tls1_2, tls::ProtocolVersion::tls1_3}};

// What tls::PeerOptions may be, on both sides.
inline constexpr std::uint64_t kLeastRsaBits = 1024;
inline constexpr std::uint64_t kMostRsaBits = 8192;
inline constexpr std::uint64_t kMostChain = 32;
inline constexpr std::uint64_t kLeastChainBytes = 1024;
inline constexpr std::uint64_t kMostChainBytes = 1024 * 1024;

}  // namespace sallyport::config
