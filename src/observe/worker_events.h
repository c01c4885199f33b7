#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "sallyport/events.h"
#include "sallyport/settings.h"

#include "observe/audit_budget.h"
#include "observe/audit_queue.h"
#include "observe/repeat_filter.h"
#include "observe/repeat_sums.h"
#include "observe/throttle_log.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

class AuditWaker;

/// What one worker tells the world: it counts, and hands audit records over. No lock, no system
/// call on a packet's path; what is only read by others lies in WorkerCounters.
///
/// Thread: its worker's. `names`, `counters`, `queue` and `waker` outlive it; the last two are null
/// where there is no audit log.
class WorkerEvents final : public GatewayEvents {
 public:
  WorkerEvents(Names& names, WorkerCounters& counters, AuditQueue* queue, AuditWaker* waker,
               const settings::AuditLimits& limits, const HashKey& key);

  /// Hands over what is still summed up. Once the worker's thread has ended, of any thread.
  void flush();

  void on_packet(Side from, mqtt::PacketType type, std::uint64_t bytes) override;
  void on_refusal(const Who& who, const Refusal& refusal) override;
  void on_rewrite(Rewrite what) override;
  void on_admitted(const Who& who, std::string_view roles) override;
  void on_login(const Who& who, LoginAnswer answer, Duration took) override;
  void on_broker_answer(mqtt::PacketType answer, Duration took) override;
  void on_broker_refusal(const Who& who, mqtt::PacketType answer, mqtt::ReasonCode code) override;
  void on_throttle(const Who& who, Side from, policy::Cause cause, Duration pause) override;
  void on_session_begin(const Who& who) override;
  void on_session_end(const Who& who, const CloseReason& why, bool begun) override;

  void on_accept(std::string_view listener) override;
  void on_connection_closed(std::string_view listener) override;
  void on_handshake(const Handshake& handshake) override;
  void on_broker_connect(Duration took, std::optional<Check> failure,
                         std::string_view detail) override;
  void on_lenient(std::string_view listener, Leniency needs, bool here) override;
  void on_wire_bytes(const WireBytes& bytes) override;
  void on_moved(const Who& who, const Tally& so_far) override;
  void on_turn(Duration took) override;
  void on_dials(std::uint32_t running, std::uint32_t waiting) override;
  void on_backpressure(Side slow, bool paused) override;
  void on_heartbeat() override;

 private:
  /// What one line is about.
  struct Line {
    AuditEvent what;
    std::string_view cause;
    std::string_view topic;  // tells it from the others of a sum
    bool begun;              // the broker agreed to who the client is
    bool as_crowd;           // client identifiers without end are bounded, too
  };

  /// Sends a line, or adds it to a sum. fill(AuditRecord&) says what Line does not.
  template <typename Fill>
  void audit(const Line& line, const Who& who, std::int64_t now, Fill fill);
  void send(std::unique_ptr<AuditRecord> record);
  /// The end of a spell of throttling, as a line of its own or in a sum.
  void send_spell(std::unique_ptr<AuditRecord> record, std::int64_t now);
  void note_refusal(const Who& who, const Refusal& refusal);
  /// Charges the budget with a line of about so many bytes. Returns false if nothing is left of it.
  [[nodiscard]] bool afford(const RepeatKey& key, std::uint32_t bytes, std::int64_t now);
  /// The sum that counts a line, made by make() where there is none yet; null: there is no room.
  template <typename Make>
  [[nodiscard]] AuditRecord* sum_of(SumOf& whom, const RepeatKey& key, std::int64_t now, Make make);
  /// Hands over the sums that the budget has room for; `all`: every one.
  void flush_sums(std::int64_t now, bool all);
  [[nodiscard]] SeriesKey series_key(const Who& who, const Refusal& refusal);
  // session_counts.cc
  [[nodiscard]] std::uint32_t group_of(const Who& who) const;
  [[nodiscard]] TopTable::Name name_of(const Who& who, bool agreed);
  [[nodiscard]] std::uint64_t key_of(const TopTable::Name& name) const;
  void count_offence(const Who& who, const Refusal& refusal);
  void count_talk(const Who& who, std::uint32_t packets);
  void begin_count(const Who& who);
  void end_count(const Who& who);

  /// Sums of clients and crowds, and of what finds no room among those.
  static constexpr std::size_t kMaxSums = 1024;
  static constexpr std::size_t kMaxCauses = 256;

  Names& names_;
  WorkerCounters& counters_;
  AuditQueue* queue_;
  AuditWaker* waker_;
  RepeatFilter repeats_;
  AuditShares shares_;
  RepeatSums sums_{kMaxSums};
  RepeatSums causes_{kMaxCauses};  // SumOf::everyone
  const std::int64_t flush_every_;
  std::int64_t flush_at_ = 0;
  ThrottleLog throttles_;
  /// When the sessions began that are open; only kept for the audit log. As many as there are
  /// connections, which the listeners bound.
  std::unordered_map<std::uint64_t, std::int64_t> begun_at_;
  const HashKey key_;
  std::string address_;  // scratch for name_of()
};

/// The steady clock in nanoseconds: what stamps and durations in this folder are measured by.
[[nodiscard]] std::int64_t steady_nanos();

}  // namespace sallyport::observe
