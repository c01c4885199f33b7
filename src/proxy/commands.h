#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sallyport/address.h"
#include "sallyport/checks.h"
#include "sallyport/identity.h"
#include "sallyport/mqtt.h"
#include "sallyport/per_side.h"
#include "sallyport/session.h"
#include "sallyport/time.h"

#include "net/inbox.h"
#include "proxy/settings.h"

/// What the server tells its workers to do, and how their answers come back.
namespace sallyport::proxy {

/// Which sessions a command is about: those that fit everything that is set.
struct SessionFilter {
  std::optional<std::uint64_t> id;
  std::optional<std::string> listener;
  std::optional<AddressPrefix> address;
  std::optional<std::string> client_id;
  std::optional<std::string> username;
  std::optional<std::string> cert_cn;
  std::optional<std::string> cert_serial;       // lower-case hex without separators
  std::optional<std::string> cert_fingerprint;  // SHA-256, lower-case hex

  /// A value that a client does not have fits no filter on it.
  [[nodiscard]] bool fits(std::uint64_t session, const Identity& who) const;
};

/// One session at the moment when its worker came to it.
struct SessionRow {
  std::uint64_t id = 0;
  Identity identity;
  Instant since{};               // accepted
  Tally tally;                   // what it has moved so far
  PerSide<std::uint64_t> queue;  // bytes that wait for a side
};

/// One worker at the moment when it answered.
struct WorkerStatus {
  std::size_t worker = 0;
  std::size_t connections = 0;  // those still in their handshake among them
  std::size_t sessions = 0;
  std::size_t sweeps = 0;  // commands that go through the sessions and are not done yet
  bool draining = false;
};

/// Where an answer goes: `take` is run on the thread of the inbox's loop. The inbox outlives the
/// server. Without an inbox nobody wants to know.
template <typename T>
struct Reply {
  net::Inbox* inbox = nullptr;
  std::move_only_function<void(T)> take;
};

/// Puts the answers of all workers together. Each worker holds a reference until it has done what
/// it was told, or is sure that it never will, because it has ended; the last one to let go sends
/// the whole off. So every command is answered, once.
template <typename T>
class Gather final {
 public:
  Gather(T whole, Reply<T> reply) : whole_(std::move(whole)), reply_(std::move(reply)) {}
  ~Gather() {
    if (reply_.inbox == nullptr) return;
    reply_.inbox->post([take = std::move(reply_.take), whole = std::move(whole_)]() mutable {
      take(std::move(whole));
    });
  }
  Gather(const Gather&) = delete;
  Gather& operator=(const Gather&) = delete;

  /// Any thread. `add` is called with the whole as it stands.
  template <typename Add>
  void put(Add add) {
    const std::lock_guard lock(mutex_);
    add(whole_);
  }

 private:
  std::mutex mutex_;
  T whole_;  // under mutex_ until the last reference goes
  Reply<T> reply_;
};

template <typename T>
using Answer = std::shared_ptr<Gather<T>>;
using Count = Answer<std::size_t>;

/// What a worker does with all of its sessions, a slice in each round of its loop. `visit` is
/// called once for each; the answer goes with the object.
namespace task {
struct Judge {  // anew, under the newest policy
  std::vector<Count> answers;
  std::size_t judged = 0;
};
struct Abort {};  // close at once
struct List {
  SessionFilter filter;
  std::size_t most = 0;  // rows of all workers together
  Answer<std::vector<SessionRow>> answer;
};
struct End {
  SessionFilter filter;
  Check why{};
  mqtt::ReasonCode reason{};
  Count answer;
};
}  // namespace task
using SweepTask = std::variant<task::Judge, task::Abort, task::List, task::End>;

}  // namespace sallyport::proxy
