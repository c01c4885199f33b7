#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

#include "sallyport/address.h"
#include "sallyport/events.h"

#include "proxy/connection_count.h"
#include "proxy/settings.h"
#include "tls/standing.h"

namespace sallyport::proxy {

/// Decides which connections come in, before there is a session. Three times, each as early as what
/// it needs is known, and each with its checks in this order:
///
/// 1. accepted(), before a byte is read:
///    - `connection.proxy-untrusted`: the listener reads PROXY headers, and this is no proxy of
///    its;
///    - `connection.max-gateway`: all listeners together have as many connections as they may;
///    - `connection.no-files`: both sockets of as many connections, and what is held back, are all
///    the descriptors that the process may have;
///    - `connection.max`: the listener has;
///    - `connection.max-per-address`: the address prefix has, at this listener. Behind a proxy this
///      one waits for the address that counts.
/// 2. addressed(), after a PROXY header: `connection.max-per-address` of the address it tells.
/// 3. shaken(), after the TLS handshake: `tls.certificate-missing` where the listener requires a
///    certificate, and whether that one counts: BoringSSL was asked already, but a reload may have
///    come in between. The same is asked of live sessions by a sweep.
///
/// One for all workers; made with the listeners, which stay the same for as long as the process
/// lives. Counts outlive every reload. Thread: any.
class Door final {
 public:
  /// What a connection that came in holds until it ends. The door outlives it.
  class Slot final {
   public:
    Slot(Slot&&) noexcept = default;

   private:
    friend class Door;
    Slot(TotalCount::Slot gateway, TotalCount::Slot listener, AddressCount& addresses)
        : gateway_(std::move(gateway)), listener_(std::move(listener)), addresses_(&addresses) {}
    TotalCount::Slot gateway_;
    TotalCount::Slot listener_;
    AddressCount* addresses_;
    std::optional<AddressCount::Slot> address_;
  };

  explicit Door(std::size_t listeners);
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  [[nodiscard]] std::expected<Slot, Check> accepted(const Snapshot& snapshot, std::size_t listener,
                                                    const IpAddress& peer);
  /// None: it may go on. Called once, where accepted() did not know the address that counts.
  [[nodiscard]] std::optional<Check> addressed(Slot& slot, const ListenerSettings& listener,
                                               const IpAddress& address);
  /// `certificate`: null, or what the client was verified by; by the listener as it is now, or as
  /// it was before a reload.
  [[nodiscard]] tls::Standing shaken(const ListenerSettings& listener,
                                     const Certificate* certificate,
                                     std::chrono::system_clock::time_point now) const;

  /// How many descriptors the process has open without any connection. Before the first accepted().
  void set_own_files(std::uint64_t count) { own_files_ = count; }
  /// How many connections the process's descriptors suffice for. Asks the system each time, because
  /// its limit can be changed while the process runs.
  [[nodiscard]] std::uint32_t most_by_files(std::uint32_t held_back) const;

  /// Open connections of all listeners.
  [[nodiscard]] std::uint32_t open() const { return gateway_.open(); }

 private:
  struct Counts {
    TotalCount total;
    AddressCount by_address;
  };

  TotalCount gateway_;
  std::uint64_t own_files_ = 0;
  std::vector<std::unique_ptr<Counts>> listeners_;
};

/// How many connections a process may have that may open `most` descriptors, has `own` of its own,
/// and holds back `held_back`, but never more than a quarter. A connection has two.
[[nodiscard]] std::uint32_t connections_for(std::uint64_t most, std::uint64_t own,
                                            std::uint32_t held_back);

/// Tells `events` of a connection that was refused before it had a session: the one way for all of
/// them. `shown`: Refusal::shown.
void report_refusal(GatewayEvents& events, Phase phase, const ListenerSettings& listener,
                    const IpAddress& address, Check check, const Certificate* shown = nullptr);

}  // namespace sallyport::proxy
