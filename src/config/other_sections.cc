#include "config/bounds_table.h"
#include "config/section.h"

namespace sallyport::config {

namespace {

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

constexpr Words<std::string_view, 4> kLevels = {{"debug", "info", "warn", "error"},
                                                {"debug", "info", "warn", "error"}};
constexpr auto kLog = std::to_array<Key<GatewayOptions>>({
    {.name = "level",
     .value = choice<GatewayOptions, &GatewayOptions::log_level, kLevels>(),
     .change = Change::restart},
});

constexpr auto kDrain = std::to_array<Key<GatewayOptions>>({
    {"timeout", Time<GatewayOptions>{&GatewayOptions::drain_timeout, Duration::zero(),
                                     std::chrono::minutes(10)}},
});

constexpr auto kObserve = std::to_array<Key<ObserveOptions>>({
    {.name = "address",
     .value = Address<ObserveOptions>{&ObserveOptions::address, "write it as \"127.0.0.1:9464\""},
     .change = Change::restart,
     .otherwise = "not served"},
    {.name = "audit_log",
     .value = Output<ObserveOptions>{&ObserveOptions::audit_log, &ObserveOptions::audit_origin},
     .change = Change::restart},
    {.name = "audit_queue",
     .value = Count<ObserveOptions>{&ObserveOptions::audit_queue, 16, 1'000'000},
     .change = Change::restart},
});

constexpr auto kAdmin = std::to_array<Key<AdminOptions>>({
    {.name = "socket",
     .value = Output<AdminOptions>{&AdminOptions::socket, &AdminOptions::origin},
     .change = Change::restart,
     .otherwise = "none"},
});

/// A section whose keys fill a part of GatewayOptions.
template <typename Part, Part GatewayOptions::*part, const auto& kKeys>
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
  return part_section<AdminOptions, &GatewayOptions::admin, kAdmin>("admin");
}

Section log_section() {
  return {.name = "log", .read = read_section<kLog>, .list = list_section<kLog>};
}

Section drain_section() {
  return {.name = "drain", .read = read_section<kDrain>, .list = list_section<kDrain>};
}

}  // namespace sallyport::config
