#include "observe/catalogue.h"

#include <algorithm>

#include "observe/audit_writer.h"
#include "observe/decision_metrics.h"
#include "observe/families.h"
#include "observe/process_metrics.h"
#include "observe/process_state.h"
#include "observe/reason_text.h"
#include "observe/session_metrics.h"
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
template <const auto& kEnums>
std::string_view word_of(const Names&, std::size_t index) {
  return to_string(kEnums[index]);
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
constexpr Label kAnswer{"packet", exactly<kAnswers.size()>, word_of<kAnswers>};
constexpr Label kRefusing{"packet", exactly<kRefusingAnswers.size()>, word_of<kRefusingAnswers>};
constexpr Label kCode{
    "reason", exactly<kReasonCodes>,
    [](const Names&, std::size_t i) { return reason_text(static_cast<mqtt::ReasonCode>(i)); },
    kReasonCodes, "reason codes of MQTT 5 as words"};
constexpr Label kLogin{"result", exactly<kLoginAnswers>, word<LoginAnswer>};
constexpr Label kListener{
    "listener", [](const Names& names) { return names.listeners.size(); },
    [](const Names& names, std::size_t i) { return std::string_view(names.listeners[i]); }, 1,
    "names of `[[listener]]`, and `other`"};
// Those that are not listed beforehand.
constexpr Label kLimited{"listener", nullptr, nullptr, 0,
                         "names of `[[listener]]`; `all` for all of them together"};
constexpr Label kRole{"role", nullptr, nullptr, 0,
                      "names of roles, of several with `+` between them; `none` before CONNECT was "
                      "admitted; `other` beyond `[observe] max_roles`"};
constexpr Label kGroupListener{"listener", nullptr, nullptr, 0,
                               "names of `[[listener]]`, and `other`"};
constexpr Label kNameKind{"kind", nullptr, nullptr, 0, "`client_id`, `certificate`, `address`"};
constexpr Label kIdentity{"identity", nullptr, nullptr, 0,
                          "at most `[observe] top` at a time: a client identifier that the broker "
                          "has accepted, or else the common name of a certificate, or else an "
                          "address"};
constexpr Label kRule{"rule", nullptr, nullptr, 0,
                      "ids of rules, `<role>.limits`, names of checks; `other` beyond 1,000 rules"};
constexpr Label kPhase{"phase", nullptr, nullptr, 0,
                       "`accept`, `header`, `handshake`, `connect`, `login`, `dial`, `connack`, "
                       "`open`, `end`; `other` where the table is full"};
constexpr Label kAction{"action", nullptr, nullptr, 0, "`drop`, `disconnect`, `report`"};
constexpr Label kReason{"reason", nullptr, nullptr, 0, "reason codes of MQTT 5 as words"};
constexpr Label kCertificate{"certificate", nullptr, nullptr, 0, "`listener:<name>`, `broker`"};
constexpr Label kVersion{"version", nullptr, nullptr, 0, "the gateway's"};
constexpr Label kRevision{"revision", nullptr, nullptr, 0, "of its source, as git describes it"};
constexpr Label kCompiler{"compiler", nullptr, nullptr, 0, "name and version"};
constexpr Label kTlsLibrary{"tls_library", nullptr, nullptr, 0, "`BoringSSL`"};
constexpr Label kTlsRevision{"tls_revision", nullptr, nullptr, 0,
                             "the TLS library's source, or Debian's package of it"};
constexpr Label kLeniency{"key", exactly<kLeniencies.size()>, one_of<kLeniencies>};
constexpr Label kBundle{"bundle", nullptr, nullptr, 0, "`listener:<name>`, `broker`"};
constexpr Label kAuthority{"ca", nullptr, nullptr, 0, "the subject"};
constexpr Label kFingerprint{"fingerprint", nullptr, nullptr, 0, "SHA-256 of the certificate"};
constexpr Label kLost{"reason", nullptr, nullptr, 0, "`queue_full`, `repeated`, `rate`, `write`"};

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

void fill_build(const Scrape& scrape, FamilyBuilder& family) {
  const BuildInfo& build = scrape.build;
  family.add({build.version, build.revision, build.compiler, build.tls_library, build.tls_revision},
             1);
}

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

void fill_crls(const Scrape& scrape, FamilyBuilder& family) {
  for (const CrlExpiry& crl : scrape.state.crls) {
    family.add({crl.bundle, crl.name}, seconds(crl.next_update));
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
  family.add({"rate"}, static_cast<double>(scrape.audit->over_rate()));
  family.add({"write"}, static_cast<double>(loss.write));
}

void fill_log_left_out(const Scrape& scrape, FamilyBuilder& family) {
  if (scrape.log != nullptr) family.add({}, static_cast<double>(scrape.log->left_out()));
}

void fill_audit_waiting(const Scrape& scrape, FamilyBuilder& family) {
  if (scrape.audit != nullptr) family.add({}, static_cast<double>(scrape.audit->waiting()));
}

// The kind of a row of SALLYPORT_WORKER_METRICS.
constexpr Kind kind_of(const Counter*) { return Kind::counter; }
constexpr Kind kind_of(const Level*) { return Kind::gauge; }

void fill_limits(const Scrape& scrape, FamilyBuilder& family) {
  for (const ConnectionLimit& limit : scrape.state.limits) {
    family.add({limit.listener.empty() ? std::string_view("all") : limit.listener},
               static_cast<double>(limit.most));
  }
}

template <auto kMember>  // of LedgerFigures
void fill_ledger(const Scrape& scrape, FamilyBuilder& family) {
  family.add({}, static_cast<double>(scrape.state.ledger.*kMember));
}

constexpr auto kCatalogue = std::to_array<Metric>({
    {"sallyport_connections_accepted_total", Kind::counter, kBy<kListener>,
     Number([](const Worker& w, const Index& i) { return w.listeners[i[0]].accepted.value(); }),
     "Connections that a listener let in.", ""},
    {"sallyport_connections_open", Kind::gauge, kBy<kListener>,
     Number([](const Worker& w, const Index& i) { return w.listeners[i[0]].open.value(); }),
     "Client connections that are open now.",
     "Compare with `max_connections` of the listener; beyond it `connection.max` is refused."},
    {"sallyport_connections_limit", Kind::gauge, kBy<kLimited>, Fill(fill_limits),
     "Most client connections that are let in: by `max_connections` of a listener, and by "
     "`[connections] max` and the process's descriptors for all of them.",
     "Alert where `sallyport_connections_open` comes near it."},
    {"sallyport_clients_weak_certificate", Kind::gauge, kBy<kListener, kLeniency>,
     Number(
         [](const Worker& w, const Index& i) { return w.listeners[i[0]].lenient[i[1]].value(); }),
     "Clients that are connected now and let in only because of `min_client_key` or `allow_sha1`.",
     "At 0 for long enough the key can go."},
    {"sallyport_tls_handshakes_total", Kind::counter, kBy<kListener, kSide, kResult, kTls>,
     Number([](const Worker& w, const Index& i) {
       return w.listeners[i[0]].tls[i[1]].handshakes[i[2]][i[3]].value();
     }),
     "TLS handshakes that ended, by the client's listener, side, result and protocol version.", ""},
    {"sallyport_tls_handshake_failures_total", Kind::counter, kBy<kListener, kSide, kCheck>,
     Number([](const Worker& w, const Index& i) {
       return w.listeners[i[0]].tls[i[1]].failures[i[2]].value();
     }),
     "TLS handshakes that failed, by the client's listener, side and check.",
     "The audit log has address and certificate of each that was refused."},
    {"sallyport_tls_handshake_duration_seconds", Kind::histogram, kBy<kListener, kSide>,
     Times([](const Worker& w, const Index& i) -> const LatencyHistogram& {
       return w.listeners[i[0]].tls[i[1]].took;
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
     "Bytes on the wire, TLS included, as seen from the gateway.", "As of the last second."},
    {"sallyport_backpressure_pauses_total", Kind::counter, kBy<kSlow>,
     Number(
         [](const Worker& w, const Index& i) { return w.sides[i[0]].backpressure_pauses.value(); }),
     "Times that reading stopped because the other side was slow.",
     "`slow=\"broker\"` that grows: the broker does not keep up."},
    {"sallyport_queued_bytes", Kind::gauge, kBy<kSide>,
     Number([](const Worker& w, const Index& i) { return w.sides[i[0]].queued.value(); }),
     "Bytes that wait for a side to take them, of all connections together.",
     "As of the last second. Bounded for each connection by `high_water`, `choke_water` and what "
     "one "
     "read brings."},
    {"sallyport_connections_slow", Kind::gauge, kBy<kSlow>,
     Number([](const Worker& w, const Index& i) { return w.sides[i[0]].slow.value(); }),
     "Connections of which a side is slow now, so that the other one is not read.", ""},
    {"sallyport_turn_duration_seconds", Kind::histogram, kBy<>,
     Times([](const Worker& w, const Index&) -> const LatencyHistogram& { return w.turn_took; }),
     "Time from reading a socket to handing on what followed from that: what the gateway itself "
     "adds to each packet that was read.",
     "Of one turn in 16, which may hold many packets."},
    {"sallyport_refusals_total", Kind::counter,
     kBy<kListener, kRole, kPhase, kRule, kAction, kReason, kFrom>, Fill(fill_refusals),
     "What a rule or check refused, in any phase of a connection, with or without a session "
     "(action report: would have refused).",
     "The audit log has a line for each, under the same rule or check."},
    {"sallyport_throttles_total", Kind::counter, kBy<kListener, kRole, kRule, kFrom>,
     Fill(fill_throttles), "Times that reading stopped because of a limit.",
     "The audit log says who, when it begins and when it ends."},
    {"sallyport_throttled_seconds_total", Kind::counter, kBy<kListener, kRole, kRule, kFrom>,
     Fill(fill_throttled_seconds), "Time for which reading was to stop because of a limit.", ""},
    {"sallyport_rewrites_total", Kind::counter, kBy<kWhat>,
     Number([](const Worker& w, const Index& i) { return w.rewrites[i[0]].value(); }),
     "Packets that were passed on changed, by what was changed.", ""},
    {"sallyport_sessions_begun_total", Kind::counter, kBy<kGroupListener, kRole>,
     Fill(fill_sessions_begun), "Sessions whose CONNECT the broker accepted.", ""},
    {"sallyport_sessions_open", Kind::gauge, kBy<kGroupListener, kRole>, Fill(fill_sessions_open),
     "Sessions that have begun and not ended.", "Alert where it falls without a reason of yours."},
    {"sallyport_session_packets_total", Kind::counter, kBy<kGroupListener, kRole, kFrom>,
     Fill(fill_session_packets), "MQTT control packets that were read, by listener and role.",
     "As of the last second. By type: `sallyport_packets_total`."},
    {"sallyport_session_bytes_total", Kind::counter, kBy<kGroupListener, kRole, kFrom>,
     Fill(fill_session_bytes), "Bytes of those packets.", "As of the last second."},
    {"sallyport_top_refused_per_second", Kind::gauge, kBy<kNameKind, kIdentity>,
     Fill(fill_offenders),
     "Who is refused most: refusals a second, weighted so that a minute ago counts a third.",
     "Shown to whoever may see identities (`[observe] token`)."},
    {"sallyport_top_packets_per_second", Kind::gauge, kBy<kNameKind, kIdentity>, Fill(fill_talkers),
     "Which clients send most: packets a second, weighted in the same way.",
     "Shown to whoever may see identities (`[observe] token`)."},
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
    {"sallyport_broker_answer_duration_seconds", Kind::histogram, kBy<kAnswer>,
     Times([](const Worker& w, const Index& i) -> const LatencyHistogram& {
       return w.answer_took[i[0]];
     }),
     "Time from sending the broker a packet to its answer, of one packet of a session at a time.",
     "Where it grows and `sallyport_turn_duration_seconds` does not, the broker is at fault."},
    {"sallyport_broker_refusals_total", Kind::counter, kBy<kRefusing, kCode>,
     Number([](const Worker& w, const Index& i) { return w.broker_refusals[i[0]][i[1]].value(); }),
     "What the broker itself refused in its answers, by packet and code; return codes of MQTT 3.x "
     "as the nearest of 5.0.",
     "The gateway had let it pass: look at the broker's own rules."},
    {"sallyport_login_duration_seconds", Kind::histogram, kBy<kLogin>,
     Times([](const Worker& w, const Index& i) -> const LatencyHistogram& {
       return w.login_took[i[0]];
     }),
     "Time that the answers of authenticators took.", ""},
    {"sallyport_broker_last_connect_success", Kind::gauge, kBy<>, Fill(fill_last_connect),
     "Whether the newest attempt to connect to the broker succeeded.",
     "Alert on 0. Without a sample nobody has tried yet."},
    {"sallyport_build_info", Kind::gauge,
     kBy<kVersion, kRevision, kCompiler, kTlsLibrary, kTlsRevision>, Fill(fill_build),
     "Always 1; what the program was built from is in the labels.", ""},
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
    {"sallyport_config_stale", Kind::gauge, kBy<>, Fill(fill_state<&ProcessState::config_stale>),
     "Whether the files say something else than what is in force.",
     "Alert on 1 for longer than a reload takes: it failed, or was not asked for (`[reload] "
     "watch`), "
     "or a key needs a restart."},
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
    {"sallyport_crl_next_update_timestamp_seconds", Kind::gauge, kBy<kBundle, kAuthority>,
     Fill(fill_crls),
     "When the list of a CA's revoked certificates (CRL) is over; of several the last one, and of "
     "each bundle the 100 that are over first.",
     "Alert before `time()` comes near it: with `crl_fail = \"closed\"` all clients of the CA are "
     "refused from then on, and those that are connected end."},
    {"sallyport_broker_chain_expiry_timestamp_seconds", Kind::gauge, kBy<>, Fill(fill_broker_chain),
     "When the first certificate of the chain ends that the broker has shown last.",
     "Alert before `time()` comes near it. Without a sample no broker has been reached by TLS."},
    {"sallyport_audit_lines_written_total", Kind::counter, kBy<>, Fill(fill_audit_written),
     "Lines of the audit log written.", ""},
    {"sallyport_audit_lines_lost_total", Kind::counter, kBy<kLost>, Fill(fill_audit_lost),
     "Lines missing in the audit log: the queue was full; they are one of many like them, or "
     "beyond "
     "what all workers together may write (rate), and counted in a line of event repeated; or they "
     "could not be written.",
     "Alert on `queue_full` and `write`; `rate` that grows: somebody makes lines faster than "
     "`audit_bytes_per_second`."},
    {"sallyport_audit_lines_waiting", Kind::gauge, kBy<>, Fill(fill_audit_waiting),
     "Lines that wait to be written.", ""},
    {"sallyport_log_lines_left_out_total", Kind::counter, kBy<>, Fill(fill_log_left_out),
     "Lines of the operator's log that were left out, because more came than `[log] per_second`.",
     "The log says how many, and where."},
    {"sallyport_ledger_bytes", Kind::gauge, kBy<>, Fill(fill_ledger<&LedgerFigures::bytes>),
     "Memory of what is remembered of limits between sessions.", ""},
    {"sallyport_ledger_evictions_total", Kind::counter, kBy<>,
     Fill(fill_ledger<&LedgerFigures::evictions>),
     "Accounts that were forgotten although they owed something, because the table was full.",
     "Where it grows, raise `[ledger]`: limits count less exactly."},
    {"sallyport_ledger_overflows_total", Kind::counter, kBy<>,
     Fill(fill_ledger<&LedgerFigures::overflows>), "Accounts that found no room at all.",
     "As above."},
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

bool names_clients(const Metric& metric) {
  return std::ranges::find(metric.labels, &kIdentity) != metric.labels.end();
}

}  // namespace sallyport::observe
