#pragma once

#include "sallyport/session.h"

#include "bench/micro/policies.h"

/// A session without sockets, opened by a CONNECT and its CONNACK.
namespace sallyport::bench {

/// Counts nothing and writes nothing: what metrics and audit cost is measured on the gateway.
class NoEvents final : public Events {};

class OpenSession final {
 public:
  /// MQTT 3.1.1, client "bench-1", with a keep-alive. `turn` is the worker's, shared by all its
  /// sessions; it outlives this one and is empty between calls. Throws std::logic_error where the
  /// session does not open.
  OpenSession(policy::Policy::Ptr policy, Turn& turn);
  ~OpenSession();
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;

  /// One turn with these bytes; the clock moves by `kStep`. How many bytes it sends to the other
  /// side and back to `from` are added up.
  void feed(Side from, Bytes bytes);
  /// What a reload does to a session. Throws std::logic_error if it ends or says something.
  void judge(policy::Policy::Ptr policy);
  [[nodiscard]] std::uint64_t forwarded() const { return forwarded_; }
  [[nodiscard]] std::uint64_t answered() const { return answered_; }
  [[nodiscard]] const Session& session() const { return session_; }

  static constexpr Duration kStep = std::chrono::microseconds(10);

 private:
  const SessionOptions options_;
  NoEvents events_;
  Turn& turn_;
  Instant now_{std::chrono::hours(1)};
  std::uint64_t forwarded_ = 0;
  std::uint64_t answered_ = 0;
  Session session_;
};

}  // namespace sallyport::bench
