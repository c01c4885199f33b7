#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <uv.h>

#include "net/loop.h"
#include "net/socket.h"

namespace sallyport::net {

/// Looks up one name and remembers the answer for a short while, so that a thousand devices that
/// come back at once ask the name server once. A numeric host needs no lookup at all.
///
/// Thread: the loop's; the lookup itself runs in libuv's pool of threads.
class Resolver final {
 public:
  class Waiter {
   public:
    /// `addresses` is empty where the lookup failed; `error` is then a libuv error code. May call
    /// into the resolver.
    virtual void on_resolved(const std::vector<Address>& addresses, int error) = 0;

   protected:
    ~Waiter() = default;
  };

  /// How long an answer is used.
  static constexpr Duration kKeep = std::chrono::seconds(5);
  /// More addresses of one name than these are not tried.
  static constexpr std::size_t kMostAddresses = 16;

  explicit Resolver(Loop& loop) : loop_(loop) {}
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// From now on this is what is asked for; those who wait get the new answer.
  void set_target(std::string host, std::uint16_t port);

  /// The addresses where they are known, else null; then wait().
  [[nodiscard]] const std::vector<Address>* known(Instant now) const;
  /// Asks, and calls the waiter from the loop. Waiters share one lookup. 0, or a libuv error code
  /// (the host can be no name at all); then nobody waits.
  [[nodiscard]] int wait(Waiter& waiter);
  /// Waits no more. Harmless for one who does not wait.
  void forget(Waiter& waiter);
  /// None of the addresses worked: the next one who asks gets a fresh answer.
  void drop();
  /// Gives up a lookup that has not begun. One that runs keeps the loop alive until it is done.
  void close();

 private:
  [[nodiscard]] int ask();
  void on_answer(int status, const addrinfo* answer);
  void tell(int error);

  Loop& loop_;
  std::string host_;
  std::uint16_t port_ = 0;
  bool numeric_ = false;
  bool asking_ = false;
  bool stale_ = false;  // the target changed while a lookup runs
  bool closed_ = false;
  Instant until_{};
  std::vector<Address> addresses_;
  std::vector<Waiter*> waiters_;
  std::size_t round_ = 0;  // while tell() runs: the first so many have not been told yet
  uv_getaddrinfo_t request_{};
};

}  // namespace sallyport::net
