#include "observe/catalogue.h"

#include "observe/audit_writer.h"
#include "observe/decision_metrics.h"
#include "observe/families.h"
#include "observe/process_metrics.h"
#include "observe/process_state.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

namespace {

// Labels.

template <std::size_t kCount>
std::size_t exactly(const Names&) {
  return kCount;
}
template <typename Enum, std::size_t kFirst = 0>
std::string_view word(const Names&, std::size_t index) {
  return to_string(static_cast<Enum>(index + kFirst));
}
template <const auto& kWords>
std::string_view one_of(const Names&, std::size_t index) {
  return kWords[index];
}

constexpr std::array<std::string_view, 2> kResults = {"failed", "ok"};
constexpr std::array<std::string_view, 2> kDirections = {"received", "sent"};
constexpr std::array<std::string_view, 2> kTruths = {"false", "true"};

constexpr Label kSide{"side", exactly<kSides>, word<Side>};
constexpr Label kFrom{"from", exactly<kSides>, word<Side>};
constexpr Label kSlow{"slow", exactly<kSides>, word<Side>};
// Type 0 is reserved.
constexpr Label kType{"type", exactly<kPacketTypes - 1>, word<mqtt::PacketType, 1>};
constexpr Label kDirection{"direction", exactly<2>, one_of<kDirections>};
constexpr Label kResult{"result", exactly<2>, one_of<kResults>};
constexpr Label kTls{"version", exactly<kTlsVersions.size()>, one_of<kTlsVersions>, 2};
constexpr Label kWhat{"what", exactly<kRewrites>, word<Rewrite>};
constexpr Label kKind{"kind", exactly<kCloseKinds>, word<CloseKind>};
constexpr Label kBegun{"begun", exactly<2>, one_of<kTruths>};
constexpr Label kCheck{"reason", exactly<kChecks>, word<Check>, kChecks, "names of checks"};
constexpr Label kListener{
    "listener", [](const Names& names) { return names.listeners.size(); },
    [](const Names& names, std::size_t i) { return std::string_view(names.listeners[i]); }, 1,
    "names of `[[listener]]`, and `other`"};
// Those that are not listed beforehand.
constexpr Label kRule{"rule", nullptr, nullptr, 0,
                      "ids of rules, `<role>.limits`, names of checks; `other` beyond 1,000 rules"};
constexpr Label kPhase{"phase", nullptr, nullptr, 0,
                       "`accept`, `header`, `handshake`, `connect`, `login`, `dial`, `connack`, "
                       "`open`, `end`; `other` where the table is full"};
constexpr Label kAction{"action", nullptr, nullptr, 0, "`drop`, `disconnect`, `report`"};
constexpr Label kReason{"reason", nullptr, nullptr, 0, "reason codes of MQTT 5 as words"};
constexpr Label kCertificate{"certificate", nullptr, nullptr, 0, "`listener:<name>`, `broker`"};
constexpr Label kVersion{"version", nullptr, nullptr, 0, "the gateway's"};
constexpr Label kLeniency{"key", exactly<kLeniencies.size()>, one_of<kLeniencies>};
constexpr Label kBundle{"bundle", nullptr, nullptr, 0, "`listener:<name>`, `broker`"};
constexpr Label kAuthority{"ca", nullptr, nullptr, 0, "the subject"};
constexpr Label kFingerprint{"fingerprint", nullptr, nullptr, 0, "SHA-256 of the certificate"};
constexpr Label kLost{"reason", nullptr, nullptr, 0, "`queue_full`, `repeated`, `write`"};

template <const Label&... kLabels>
constexpr std::array<const Label*, sizeof...(kLabels)> kBy = {&kLabels...};

// Sources.

using Kind = Metric::Kind;
using Index = Metric::Index;
using Worker = WorkerCounters;
using Number = Metric::Number;
using Times = Metric::Times;
using Fill = Metric::Fill;

double seconds(std::chrono::system_clock::time_point when) {
  return std::chrono::duration<double>(when.time_since_epoch()).count();
}

template <auto kMember>  // of ProcessState
void fill_state(const Scrape& scrape, FamilyBuilder& family) {
  family.add({}, static_cast<double>(scrape.state.*kMember));
}

template <auto kMember>  // of ProcessFigures
void fill_process(const Scrape& scrape, FamilyBuilder& family) {
  if (const auto& figure = scrape.process.*kMember) family.add({}, *figure);
}

void fill_build(const Scrape& scrape, FamilyBuilder& family) { family.add({scrape.version}, 1); }

void fill_workers(const Scrape& scrape, FamilyBuilder& family) {
  family.add({}, static_cast<double>(scrape.workers.size()));
}

void fill_reloads(const Scrape& scrape, FamilyBuilder& family) {
  family.add({"ok"}, static_cast<double>(scrape.state.reloads_ok));
  family.add({"failed"}, static_cast<double>(scrape.state.reloads_failed));
}

void fill_last_success(const Scrape& scrape, FamilyBuilder& family) {
  family.add({}, seconds(scrape.state.last_success));
}

void fill_expiry(const Scrape& scrape, FamilyBuilder& family) {
  for (const CertificateExpiry& certificate : scrape.state.certificates) {
    family.add({certificate.name}, seconds(certificate.not_after));
  }
}

void fill_authorities(const Scrape& scrape, FamilyBuilder& family) {
  for (const AuthorityExpiry& ca : scrape.state.authorities) {
    family.add({ca.bundle, ca.name, ca.fingerprint}, seconds(ca.not_after));
  }
}

void fill_broker_chain(const Scrape& scrape, FamilyBuilder& family) {
  if (const auto end = broker_chain_end(scrape.workers)) family.add({}, seconds(*end));
}

void fill_last_connect(const Scrape& scrape, FamilyBuilder& family) {
  if (const auto last = last_broker_connect(scrape.workers)) family.add({}, *last ? 1 : 0);
}

void fill_audit_written(const Scrape& scrape, FamilyBuilder& family) {
  if (scrape.audit != nullptr) family.add({}, static_cast<double>(scrape.audit->written()));
}

void fill_audit_lost(const Scrape& scrape, FamilyBuilder& family) {
  if (scrape.audit == nullptr) return;
  const AuditLoss loss = scrape.audit->lost();
  family.add({"queue_full"}, static_cast<double>(loss.queue_full));
  family.add({"repeated"}, static_cast<double>(scrape.audit->repeated()));
  family.add({"write"}, static_cast<double>(loss.write));
}

void fill_audit_waiting(const Scrape& scrape, FamilyBuilder& family) {
  if (scrape.audit != nullptr) family.add({}, static_cast<double>(scrape.audit->waiting()));
}

// The kind of a row of SALLYPORT_WORKER_METRICS.
constexpr Kind kind_of(const Counter*) { return Kind::counter; }
constexpr Kind kind_of(const Level*) { return Kind::gauge; }

constexpr auto kCatalogue = std::to_array<Metric>({
    {"sallyport_connections_accepted_total", Kind::counter, kBy<kListener>,
     Number([](const Worker& w, const Index& i) { return w.listeners[i[0]].accepted.value(); }),
     "Connections that a listener let in.", ""},
    {"sallyport_connections_open", Kind::gauge, kBy<kListener>,
     Number([](const Worker& w, const Index& i) { return w.listeners[i[0]].open.value(); }),
     "Client connections that are open now.",
     "Compare with `max_connections` of the listener; beyond it `connection.max` is refused."},
    {"sallyport_clients_weak_certificate", Kind::gauge, kBy<kListener, kLeniency>,
     Number(
         [](const Worker& w, const Index& i) { return w.listeners[i[0]].lenient[i[1]].value(); }),
     "Clients that are connected now and let in only because of `min_client_key` or `allow_sha1`.",
     "At 0 for long enough the key can go."},
    {"sallyport_tls_handshakes_total", Kind::counter, kBy<kSide, kResult, kTls>,
     Number([](const Worker& w, const Index& i) {
       return w.sides[i[0]].handshakes[i[1]][i[2]].value();
     }),
     "TLS handshakes that ended, by side, result and protocol version.", ""},
    {"sallyport_tls_handshake_failures_total", Kind::counter, kBy<kSide, kCheck>,
     Number([](const Worker& w, const Index& i) {
       return w.sides[i[0]].handshake_failures[i[1]].value();
     }),
     "TLS handshakes that failed, by side and check.",
     "The audit log has address and certificate of each that was refused."},
    {"sallyport_tls_handshake_duration_seconds", Kind::histogram, kBy<kSide>,
     Times([](const Worker& w, const Index& i) -> const LatencyHistogram& {
       return w.sides[i[0]].handshake_took;
     }),
     "Time that successful TLS handshakes took.", ""},
    {"sallyport_packets_total", Kind::counter, kBy<kFrom, kType>,
     Number(
         [](const Worker& w, const Index& i) { return w.sides[i[0]].packets[i[1] + 1].value(); }),
     "MQTT control packets that were read, by sender and type.", ""},
    {"sallyport_packet_bytes_total", Kind::counter, kBy<kFrom, kType>,
     Number([](const Worker& w, const Index& i) {
       return w.sides[i[0]].packet_bytes[i[1] + 1].value();
     }),
     "Bytes of the MQTT control packets that were read.", ""},
    {"sallyport_wire_bytes_total", Kind::counter, kBy<kSide, kDirection>,
     Number([](const Worker& w, const Index& i) {
       const SideCounters& side = w.sides[i[0]];
       return (i[1] == 0 ? side.wire_received : side.wire_sent).value();
     }),
     "Bytes on the wire, TLS included, as seen from the gateway.", ""},
    {"sallyport_backpressure_pauses_total", Kind::counter, kBy<kSlow>,
     Number(
         [](const Worker& w, const Index& i) { return w.sides[i[0]].backpressure_pauses.value(); }),
     "Times that reading stopped because the other side was slow.",
     "`slow=\"broker\"` that grows: the broker does not keep up."},
    {"sallyport_refusals_total", Kind::counter,
     kBy<kListener, kPhase, kRule, kAction, kReason, kFrom>, Fill(fill_refusals),
     "What a rule or check refused, in any phase of a connection, with or without a session "
     "(action report: would have refused).",
     "The audit log has a line for each, under the same rule or check."},
    {"sallyport_throttles_total", Kind::counter, kBy<kRule, kFrom>, Fill(fill_throttles),
     "Times that reading stopped because of a limit.",
     "The audit log says who, when it begins and when it ends."},
    {"sallyport_throttled_seconds_total", Kind::counter, kBy<kRule, kFrom>,
     Fill(fill_throttled_seconds), "Time for which reading was to stop because of a limit.", ""},
    {"sallyport_rewrites_total", Kind::counter, kBy<kWhat>,
     Number([](const Worker& w, const Index& i) { return w.rewrites[i[0]].value(); }),
     "Packets that were passed on changed, by what was changed.", ""},
#define X(member, type, name, help, advice)              \
  {name,  kind_of(static_cast<const type*>(nullptr)),    \
   kBy<>, Number([](const Worker& w, const Index&) { return w.member.value(); }), \
   help,  advice},
    SALLYPORT_WORKER_METRICS(X)
#undef X
        {"sallyport_sessions_ended_total", Kind::counter, kBy<kSide, kKind, kBegun>,
         Number([](const Worker& w, const Index& i) {
           return w.sides[i[0]].sessions_ended[i[2]][i[1]].value();
         }),
         "Ends of sessions, by whose doing, kind, and whether the broker had accepted the CONNECT.",
         ""},
    {"sallyport_broker_connects_total", Kind::counter, kBy<kResult>,
     Number([](const Worker& w, const Index& i) { return w.broker_connects[i[0]].value(); }),
     "Attempts to connect to the broker, by result.", ""},
    {"sallyport_broker_connect_failures_total", Kind::counter, kBy<kCheck>,
     Number([](const Worker& w, const Index& i) { return w.broker_failures[i[0]].value(); }),
     "Attempts to connect to the broker that failed, by check.", ""},
    {"sallyport_broker_connect_duration_seconds", Kind::histogram, kBy<>,
     Times([](const Worker& w, const Index&) -> const LatencyHistogram& {
       return w.broker_connect_took;
     }),
     "Time that successful connects to the broker took, TLS included.", ""},
    {"sallyport_broker_last_connect_success", Kind::gauge, kBy<>, Fill(fill_last_connect),
     "Whether the newest attempt to connect to the broker succeeded.",
     "Alert on 0. Without a sample nobody has tried yet."},
    {"sallyport_build_info", Kind::gauge, kBy<kVersion>, Fill(fill_build),
     "Always 1; the version is a label.", ""},
    {"sallyport_workers", Kind::gauge, kBy<>, Fill(fill_workers), "Worker threads.", ""},
    {"sallyport_ready", Kind::gauge, kBy<>, Fill(fill_state<&ProcessState::ready>),
     "Whether /readyz says yes.", ""},
    {"sallyport_draining", Kind::gauge, kBy<>, Fill(fill_state<&ProcessState::draining>),
     "Whether the gateway has been told to end, and lets its clients go.",
     "At 1 for longer than `[drain]` delay, window, timeout and grace together: it hangs."},
    {"sallyport_config_reloads_total", Kind::counter, kBy<kResult>, Fill(fill_reloads),
     "Reloads of configuration, policies and certificates, by result.", ""},
    {"sallyport_config_last_reload_success", Kind::gauge, kBy<>,
     Fill(fill_state<&ProcessState::last_reload_ok>),
     "Whether what is in force is what the files said at the last reload.",
     "Alert on 0: the files have an error, which the log names."},
    {"sallyport_config_last_reload_success_timestamp_seconds", Kind::gauge, kBy<>,
     Fill(fill_last_success), "When configuration was last loaded with success.", ""},
    {"sallyport_policy_roles", Kind::gauge, kBy<>, Fill(fill_state<&ProcessState::roles>),
     "Roles of the policy in force.", ""},
    {"sallyport_policy_rules", Kind::gauge, kBy<>, Fill(fill_state<&ProcessState::rules>),
     "Rules of the policy in force.", ""},
    {"sallyport_certificate_expiry_timestamp_seconds", Kind::gauge, kBy<kCertificate>,
     Fill(fill_expiry), "End of validity of a certificate in use.",
     "Alert before `time()` comes near it."},
    {"sallyport_ca_expiry_timestamp_seconds", Kind::gauge, kBy<kBundle, kAuthority, kFingerprint>,
     Fill(fill_authorities),
     "End of validity of a CA that peers are verified by; of each bundle the 100 that end first.",
     "Alert before `time()` comes near it: what the CA has issued is refused from then on, unless "
     "the bundle has a renewed one with the same key."},
    {"sallyport_broker_chain_expiry_timestamp_seconds", Kind::gauge, kBy<>, Fill(fill_broker_chain),
     "When the first certificate of the chain ends that the broker has shown last.",
     "Alert before `time()` comes near it. Without a sample no broker has been reached by TLS."},
    {"sallyport_audit_lines_written_total", Kind::counter, kBy<>, Fill(fill_audit_written),
     "Lines of the audit log written.", ""},
    {"sallyport_audit_lines_lost_total", Kind::counter, kBy<kLost>, Fill(fill_audit_lost),
     "Lines missing in the audit log: the queue was full, they are one of many like them and "
     "counted in a line of event repeated, or they could not be written.",
     "Alert on `queue_full` and `write`."},
    {"sallyport_audit_lines_waiting", Kind::gauge, kBy<>, Fill(fill_audit_waiting),
     "Lines that wait to be written.", ""},
    {"process_cpu_seconds_total", Kind::counter, kBy<>,
     Fill(fill_process<&ProcessFigures::cpu_seconds>), "User and system CPU time spent in seconds.",
     ""},
    {"process_resident_memory_bytes", Kind::gauge, kBy<>,
     Fill(fill_process<&ProcessFigures::resident_bytes>), "Resident memory size in bytes.", ""},
    {"process_virtual_memory_bytes", Kind::gauge, kBy<>,
     Fill(fill_process<&ProcessFigures::virtual_bytes>), "Virtual memory size in bytes.", ""},
    {"process_threads", Kind::gauge, kBy<>, Fill(fill_process<&ProcessFigures::threads>),
     "Threads of the process.", ""},
    {"process_start_time_seconds", Kind::gauge, kBy<>,
     Fill(fill_process<&ProcessFigures::start_time>),
     "Start time of the process in seconds since the epoch.", ""},
    {"process_open_fds", Kind::gauge, kBy<>, Fill(fill_process<&ProcessFigures::open_files>),
     "Open file descriptors.", "Compare with `process_max_fds`."},
    {"process_max_fds", Kind::gauge, kBy<>, Fill(fill_process<&ProcessFigures::max_files>),
     "Most file descriptors that may be open.", ""},
});

}  // namespace

std::span<const Metric> catalogue() { return kCatalogue; }

}  // namespace sallyport::observe
