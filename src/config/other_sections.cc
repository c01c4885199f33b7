#include "config/bounds_table.h"
#include "config/section.h"

namespace sallyport::config {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// A section whose keys fill GatewayOptions itself.
template <const auto& kKeys>
void read_section(TableReader& table, GatewayOptions& into) {
  read_keys<GatewayOptions>(table, kKeys, into);
  table.finish();
}
template <const auto& kKeys>
void list_section(const GatewayOptions& from, const std::string& path, std::vector<KeyInfo>& out) {
  list_keys<GatewayOptions>(kKeys, from, path, out);
}

constexpr auto kConnections = std::to_array<Key<GatewayOptions>>({
    {.name = "max",
     .value = Count<GatewayOptions>{&GatewayOptions::max_connections, 1, kMostConnections},
     .otherwise = "no limit"},
});

constexpr auto kTurn = std::to_array<Key<settings::Turn>>({
    {"read_bytes", Size<settings::Turn>{&settings::Turn::read_bytes, 4 * kKiB, 128 * kKiB}},
    {"packets", Count<settings::Turn>{&settings::Turn::packets, 16, 65'536}},
    {"handshakes", Count<settings::Turn>{&settings::Turn::handshakes, 1, 1'024}},
    {"accepts", Count<settings::Turn>{&settings::Turn::accepts, 1, 1'024}},
    {"sessions", Count<settings::Turn>{&settings::Turn::sessions, 1, 10'000}},
});

constexpr auto kAccept = std::to_array<Key<settings::Accept>>({
    {"pause", Time<settings::Accept>{&settings::Accept::pause, milliseconds(10), seconds(10)}},
    {"say_every", Time<settings::Accept>{&settings::Accept::say_every, seconds(1), hours(1)}},
});

constexpr auto kFiles = std::to_array<Key<settings::Files>>({
    {"held_back", Count<settings::Files>{&settings::Files::held_back, 16, 10'000}},
});

constexpr std::uint64_t kFewestAccounts = 1'024;
constexpr std::uint64_t kMostAccounts = 16'777'216;
constexpr auto kLedger = std::to_array<Key<settings::Ledger>>({
    {.name = "meters",
     .value = Count<settings::Ledger>{&settings::Ledger::meters, kFewestAccounts, kMostAccounts},
     .change = Change::restart},
    {.name = "connects",
     .value = Count<settings::Ledger>{&settings::Ledger::connects, kFewestAccounts, kMostAccounts},
     .change = Change::restart},
});

constexpr auto kLogin = std::to_array<Key<settings::Login>>({
    {"timeout", Time<settings::Login>{&settings::Login::timeout, milliseconds(100), seconds(60)}},
});

constexpr auto kWorkers = std::to_array<Key<GatewayOptions>>({
    {.name = "count",
     .value = Count<GatewayOptions>{&GatewayOptions::workers, 1, 256},
     .change = Change::restart,
     .otherwise = "one per core"},
});

constexpr auto kPolicy = std::to_array<Key<GatewayOptions>>({
    {.name = "files",
     .value = Globs<GatewayOptions>{&GatewayOptions::policy_files, &GatewayOptions::policy_origin},
     .required = "write: files = [\"policies/*.toml\"]"},
});

using settings::LogFormat;
using settings::LogLevel;
constexpr Words<LogLevel, 4> kLevels = {
    {"debug", "info", "warn", "error"},
    {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}};
constexpr Words<LogFormat, 2> kLogFormats = {{"text", "json"}, {LogFormat::text, LogFormat::json}};
constexpr auto kLog = std::to_array<Key<settings::Log>>({
    {"level", choice<settings::Log, &settings::Log::level, kLevels>()},
    {"format", choice<settings::Log, &settings::Log::format, kLogFormats>()},
    {"burst", Count<settings::Log>{&settings::Log::burst, 10, 1'000'000}},
    {"per_second", Count<settings::Log>{&settings::Log::per_second, 1, 1'000'000}},
});

constexpr auto kDrain = std::to_array<Key<settings::Drain>>({
    {"delay", Time<settings::Drain>{&settings::Drain::delay, Duration::zero(), minutes(10)}},
    {"window", Time<settings::Drain>{&settings::Drain::window, Duration::zero(), hours(1)}},
    {"timeout", Time<settings::Drain>{&settings::Drain::timeout, Duration::zero(), minutes(10)}},
    {"grace", Time<settings::Drain>{&settings::Drain::grace, milliseconds(100), minutes(1)}},
    {.name = "server_references",
     .value = References<settings::Drain>{&settings::Drain::server_references},
     .otherwise = "none"},
});

constexpr auto kReload = std::to_array<Key<settings::Reload>>({
    {"watch", Flag<settings::Reload>{&settings::Reload::watch}},
    {"debounce", Time<settings::Reload>{&settings::Reload::debounce, milliseconds(10), minutes(1)}},
    {"patience",
     Time<settings::Reload>{&settings::Reload::patience, milliseconds(10), minutes(10)}},
    {"poll", Time<settings::Reload>{&settings::Reload::poll, milliseconds(100), hours(1)}},
});

using settings::AuditFormat;
constexpr Words<AuditFormat, 3> kAuditFormats = {
    {"native", "ecs", "ocsf"}, {AuditFormat::native, AuditFormat::ecs, AuditFormat::ocsf}};
constexpr auto kObserve = std::to_array<Key<ObserveOptions>>({
    {.name = "address",
     .value = Address<ObserveOptions>{&ObserveOptions::address, "write it as \"127.0.0.1:9464\""},
     .change = Change::restart,
     .otherwise = "not served"},
    {.name = "audit_log",
     .value =
         Output<ObserveOptions>{&ObserveOptions::audit_log, &ObserveOptions::audit_origin, true},
     .change = Change::restart},
    {.name = "audit_format",
     .value = choice<ObserveOptions, &ObserveOptions::audit_format, kAuditFormats>(),
     .change = Change::restart},
    {.name = "instance",
     .value = Name<ObserveOptions>{&ObserveOptions::instance, false},
     .change = Change::restart,
     .otherwise = "the host's name"},
    {.name = "audit_queue",
     .value = Count<ObserveOptions>{&ObserveOptions::audit_queue, 16, 1'000'000},
     .change = Change::restart},
    {.name = "audit_burst",
     .value = Count<ObserveOptions>{&ObserveOptions::burst, 1, 1'000'000},
     .change = Change::restart},
    {.name = "audit_per_second",
     .value = Count<ObserveOptions>{&ObserveOptions::per_second, 1, 1'000'000},
     .change = Change::restart},
    {.name = "audit_crowd",
     .value = Count<ObserveOptions>{&ObserveOptions::crowd, 1, 1'000},
     .change = Change::restart},
    {.name = "audit_bytes_per_second",
     .value = Size<ObserveOptions>{&ObserveOptions::audit_bytes_per_second, kKiB, 1024 * kMiB},
     .change = Change::restart},
    {.name = "audit_bytes_burst",
     .value = Size<ObserveOptions>{&ObserveOptions::audit_bytes_burst, 64 * kKiB, 1024 * kMiB},
     .change = Change::restart},
    {.name = "audit_interval",
     .value = Time<ObserveOptions>{&ObserveOptions::interval, seconds(1), hours(1)},
     .change = Change::restart},
    {.name = "throttle_quiet",
     .value = Time<ObserveOptions>{&ObserveOptions::throttle_quiet, seconds(1), hours(1)},
     .change = Change::restart},
    {.name = "notice_every",
     .value = Time<ObserveOptions>{&ObserveOptions::notice_every, seconds(1), hours(1)},
     .change = Change::restart},
    {.name = "max_roles",
     .value = Count<ObserveOptions>{&ObserveOptions::max_roles, 1, 1'000},
     .change = Change::restart},
    {.name = "top",
     .value = Count<ObserveOptions>{&ObserveOptions::top, 0, 100},
     .change = Change::restart},
    {.name = "token", .value = Path<ObserveOptions>{&ObserveOptions::token}},
    {.name = "max_clients",
     .value = Count<ObserveOptions>{&ObserveOptions::max_clients, 1, 1'000},
     .change = Change::restart},
    {.name = "timeout",
     .value = Time<ObserveOptions>{&ObserveOptions::timeout, milliseconds(100), minutes(10)},
     .change = Change::restart},
});

constexpr auto kAdmin = std::to_array<Key<AdminOptions>>({
    {.name = "socket",
     .value = Output<AdminOptions>{&AdminOptions::socket, &AdminOptions::origin},
     .change = Change::restart,
     .otherwise = "none"},
    {.name = "max_clients",
     .value = Count<AdminOptions>{&AdminOptions::max_clients, 1, 1'000},
     .change = Change::restart},
    {.name = "max_request",
     .value = Size<AdminOptions>{&AdminOptions::max_request, kKiB, kMiB},
     .change = Change::restart},
    {.name = "timeout",
     .value = Time<AdminOptions>{&AdminOptions::timeout, seconds(1), minutes(10)},
     .change = Change::restart},
});
/// Keys of [admin], too, but of what workers do with a command.
constexpr auto kCommands = std::to_array<Key<GatewayOptions>>({
    {"questions", Count<GatewayOptions>{&GatewayOptions::questions, 1, 256}},
});

/// A section whose keys fill a part of GatewayOptions.
template <typename Part, auto part, const auto& kKeys>
Section part_section(std::string_view name) {
  return {.name = name,
          .read =
              [](TableReader& table, GatewayOptions& into) {
                read_keys<Part>(table, kKeys, into.*part);
                table.finish();
              },
          .list = [](const GatewayOptions& from, const std::string& path,
                     std::vector<KeyInfo>& out) { list_keys<Part>(kKeys, from.*part, path, out); }};
}

}  // namespace

Section limits_section() {
  return {.name = "limits",
          .read =
              [](TableReader& table, GatewayOptions& into) {
                static_cast<void>(read_bounds(table, into.bounds, BoundsOf::listener));
                table.finish();
              },
          .list = [](const GatewayOptions& from, const std::string& path,
                     std::vector<KeyInfo>& out) { list_bounds(from.bounds, path, out); }};
}

Section connections_section() {
  return {.name = "connections",
          .read = read_section<kConnections>,
          .list = list_section<kConnections>};
}

Section turn_section() {
  return part_section<settings::Turn, &GatewayOptions::turn, kTurn>("turn");
}

Section accept_section() {
  return part_section<settings::Accept, &GatewayOptions::accept, kAccept>("accept");
}

Section files_section() {
  return part_section<settings::Files, &GatewayOptions::files, kFiles>("files");
}

Section ledger_section() {
  return part_section<settings::Ledger, &GatewayOptions::ledger, kLedger>("ledger");
}

Section login_section() {
  return part_section<settings::Login, &GatewayOptions::login, kLogin>("login");
}

Section workers_section() {
  return {.name = "workers", .read = read_section<kWorkers>, .list = list_section<kWorkers>};
}

Section policy_section() {
  return {.name = "policy",
          .read = read_section<kPolicy>,
          .list = list_section<kPolicy>,
          .required =
              "without a policy nobody could pass; write [policy] and below it "
              "files = [\"policies/*.toml\"]"};
}

Section observe_section() {
  return part_section<ObserveOptions, &GatewayOptions::observe, kObserve>("observe");
}

Section admin_section() {
  return {.name = "admin",
          .read =
              [](TableReader& table, GatewayOptions& into) {
                read_keys<AdminOptions>(table, kAdmin, into.admin);
                read_keys<GatewayOptions>(table, kCommands, into);
                table.finish();
              },
          .list =
              [](const GatewayOptions& from, const std::string& path, std::vector<KeyInfo>& out) {
                list_keys<AdminOptions>(kAdmin, from.admin, path, out);
                list_keys<GatewayOptions>(kCommands, from, path, out);
              }};
}

Section log_section() { return part_section<settings::Log, &GatewayOptions::log, kLog>("log"); }

Section drain_section() {
  return part_section<settings::Drain, &GatewayOptions::drain, kDrain>("drain");
}

Section reload_section() {
  return part_section<settings::Reload, &GatewayOptions::reload, kReload>("reload");
}

}  // namespace sallyport::config
