#include "observe/session_metrics.h"

#include <map>

#include "observe/families.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

namespace {

/// visit(listener, role, sum) for every listener and role that somebody had. `number` is taken from
/// the GroupCounters of each worker.
template <typename Number, typename Visit>
void for_each_group(const Scrape& scrape, Number number, Visit visit) {
  const Names& names = scrape.names;
  for (std::size_t listener = 0; listener < names.listeners.size(); ++listener) {
    std::map<std::string_view, std::uint64_t> by_role;
    for (std::size_t id = 0; id < names.roles.capacity(); ++id) {
      const auto role = static_cast<NameTable::Id>(id);
      for (const auto& worker : scrape.workers) {
        const GroupTable& groups = worker->groups;
        const GroupCounters& group = groups[groups.group(listener, role)];
        if (group.is_used()) by_role[names.roles.name(role)] += number(group);
      }
    }
    for (const auto& [role, sum] : by_role) {
      visit(std::string_view(names.listeners[listener]), role, sum);
    }
  }
}

template <typename Number>
void fill_by_group(const Scrape& scrape, FamilyBuilder& family, Number number) {
  for_each_group(scrape, number,
                 [&](std::string_view listener, std::string_view role, std::uint64_t sum) {
                   family.add({listener, role}, static_cast<double>(sum));
                 });
}

template <typename Numbers>
void fill_by_sender(const Scrape& scrape, FamilyBuilder& family, Numbers numbers) {
  for (const Side from : {Side::client, Side::broker}) {
    for_each_group(
        scrape,
        [&](const GroupCounters& group) {
          return numbers(group)[static_cast<std::size_t>(from)].value();
        },
        [&](std::string_view listener, std::string_view role, std::uint64_t sum) {
          family.add({listener, role, to_string(from)}, static_cast<double>(sum));
        });
  }
}

void fill_top(const Scrape& scrape, FamilyBuilder& family, const TopTable WorkerCounters::*table) {
  for (const TopRow& row : top_rows(scrape, table)) {
    family.add({to_string(row.kind), row.name.empty() ? "unnamed" : std::string_view(row.name)},
               row.per_second);
  }
}

}  // namespace

void fill_sessions_begun(const Scrape& scrape, FamilyBuilder& family) {
  fill_by_group(scrape, family, [](const GroupCounters& group) { return group.begun.value(); });
}

void fill_sessions_open(const Scrape& scrape, FamilyBuilder& family) {
  fill_by_group(scrape, family, [](const GroupCounters& group) { return group.open.value(); });
}

void fill_session_packets(const Scrape& scrape, FamilyBuilder& family) {
  fill_by_sender(
      scrape, family, [](const GroupCounters& group) -> auto& { return group.packets; });
}

void fill_session_bytes(const Scrape& scrape, FamilyBuilder& family) {
  fill_by_sender(
      scrape, family, [](const GroupCounters& group) -> auto& { return group.bytes; });
}

std::vector<TopRow> top_rows(const Scrape& scrape, const TopTable WorkerCounters::*table) {
  std::vector<TopRow> all;
  for (const auto& worker : scrape.workers) {
    for (TopRow& row : ((*worker).*table).rows()) all.push_back(std::move(row));
  }
  return merge(std::move(all), scrape.names.top);
}

void fill_offenders(const Scrape& scrape, FamilyBuilder& family) {
  fill_top(scrape, family, &WorkerCounters::offenders);
}

void fill_talkers(const Scrape& scrape, FamilyBuilder& family) {
  fill_top(scrape, family, &WorkerCounters::talkers);
}

}  // namespace sallyport::observe
