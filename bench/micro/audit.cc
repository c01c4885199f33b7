// Audit: what a refusal costs from the event to the bytes of its line.

#include <string>

#include "bench/micro/case.h"
#include "bench/micro/policies.h"
#include "observe/audit_budget.h"
#include "observe/audit_format.h"
#include "observe/audit_queue.h"
#include "observe/audit_writer.h"
#include "observe/worker_events.h"

namespace sallyport::bench {

namespace {

using settings::AuditLimits;

/// A refused PUBLISH as a worker reports it: counted, asked for its allowance, made a record and
/// queued; then taken out by the writer and written behind a batch. The bound over all counts it,
/// and is never reached.
class AuditCase final : public Case {
 public:
  explicit AuditCase(std::uint64_t sums)
      : limits_{.burst = sums != 0 ? 1U : UINT32_MAX, .per_second = sums != 0 ? 1U : 1'000'000'000},
        events_(names_, counters_, &queue_, &waker_, limits_, {1, 2}),
        identity_(bench_identity()) {
    Certificate certificate = *identity_.certificate;
    certificate.fingerprint = std::string(64, 'f');
    identity_.certificate = std::make_shared<const Certificate>(std::move(certificate));
    refuse();
    require(take() && !line_.empty(), "a refusal makes no line");
    refuse();
    require(take() == (sums == 0), "what repeats is not summed up, or what does not is");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) {
      refuse();
      keep(take());
    }
  }

 private:
  void refuse() {
    events_.on_refusal({.session = 7, .identity = identity_, .version = mqtt::Version::v5},
                       {.phase = Phase::open,
                        .from = Side::client,
                        .packet = mqtt::PacketType::publish,
                        .action = Action::drop,
                        .reason = mqtt::ReasonCode::not_authorized,
                        .cause = {"policy.no-rule", false},
                        .topic = "plant/line-1/bench-1/telemetry/temperature"});
  }
  bool take() {
    line_.clear();
    const auto record = queue_.take();
    if (!record) return false;
    format_.write(*record, line_);
    budget_.charge(static_cast<std::int64_t>(line_.size()) - record->charged(),
                   observe::steady_nanos());
    return true;
  }

  observe::Names names_{{"devices"}};
  observe::WorkerCounters counters_{names_};
  observe::AuditBudget budget_{UINT32_MAX, UINT32_MAX};
  observe::AuditQueue queue_{16, &budget_};
  const observe::LineFormat format_{settings::AuditFormat::native, "bench"};
  observe::AuditWaker waker_;
  AuditLimits limits_;
  observe::WorkerEvents events_;
  Identity identity_;
  std::string line_;
};

}  // namespace

std::vector<CaseSpec> audit_cases() {
  return {
      {"audit/refusal", "a refusal, from the event to its line", 0, 0, make_case<AuditCase>},
      {"audit/repeated", "a refusal that is only counted in a sum", 0, 1, make_case<AuditCase>}};
}

}  // namespace sallyport::bench
