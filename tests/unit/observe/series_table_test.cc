#include "observe/series_table.h"

#include <map>
#include <tuple>

#include <doctest/doctest.h>

namespace sallyport::observe {

namespace {

using mqtt::ReasonCode;

std::uint64_t count_of(const SeriesTable& table, const SeriesKey& wanted) {
  std::uint64_t found = 0;
  table.for_each([&](const SeriesKey& key, std::uint64_t count, std::uint64_t) {
    if (key == wanted) found += count;
  });
  return found;
}

}  // namespace

TEST_CASE("each set of labels has its own counter") {
  SeriesTable table(3);
  const SeriesKey base{.name = 7, .reason = ReasonCode::not_authorized};
  SeriesKey from_broker = base;
  from_broker.from = Side::broker;
  SeriesKey reported = base;
  reported.action = Action::report;
  SeriesKey too_large = base;
  too_large.reason = ReasonCode::packet_too_large;
  SeriesKey throttled = base;
  throttled.kind = SeriesKey::Kind::throttle;
  SeriesKey other_name = base;
  other_name.name = 8;
  SeriesKey other_listener = base;
  other_listener.listener = 65'535;
  SeriesKey other_phase = base;
  other_phase.phase = static_cast<std::uint8_t>(Phase::accept);

  std::uint64_t n = 0;
  for (const SeriesKey& key : {base, from_broker, reported, too_large, throttled, other_name,
                               other_listener, other_phase}) {
    ++n;
    for (std::uint64_t i = 0; i < n; ++i) table.add(key);
  }
  n = 0;
  for (const SeriesKey& key :
       {base, from_broker, reported, too_large, throttled, other_name, other_listener, other_phase})
    CHECK(count_of(table, key) == ++n);
}

TEST_CASE("time adds up beside the count") {
  SeriesTable table(3);
  const SeriesKey key{.kind = SeriesKey::Kind::throttle, .name = 1, .action = Action::throttle};
  table.add(key, std::chrono::milliseconds(1500));
  table.add(key, std::chrono::milliseconds(250));
  table.add(key, Duration(-5));
  std::uint64_t nanos = 0;
  table.for_each([&](const SeriesKey&, std::uint64_t, std::uint64_t n) { nanos += n; });
  CHECK(nanos == 1'750'000'000);
}

TEST_CASE("more series than there is room for: nothing is lost, the rest is other") {
  SeriesTable table(3);
  std::uint64_t added = 0;
  for (NameTable::Id name = 1; name <= 2000; ++name) {
    for (const Side from : {Side::client, Side::broker}) {
      for (const Action action : {Action::drop, Action::disconnect}) {
        table.add(
            {.name = name, .from = from, .action = action, .reason = ReasonCode::not_authorized});
        ++added;
      }
    }
  }
  std::uint64_t total = 0;
  std::uint64_t others = 0;
  std::size_t series = 0;
  table.for_each([&](const SeriesKey& key, std::uint64_t count, std::uint64_t) {
    ++series;
    total += count;
    if (key.name == NameTable::kOther) others += count;
  });
  CHECK(total == added);
  CHECK(others == added - SeriesTable::kSlotsForNames);
  CHECK(series <= SeriesTable::kSlotsForNames + 4);

  // And other finds room for whatever may still come.
  for (unsigned reason = 0; reason < 256; ++reason)
    for (const Side from : {Side::client, Side::broker})
      for (const Action action :
           {Action::drop, Action::disconnect, Action::report, Action::throttle})
        for (const auto kind : {SeriesKey::Kind::refusal, SeriesKey::Kind::throttle}) {
          table.add({.kind = kind,
                     .name = 2001,
                     .listener = static_cast<std::uint16_t>(reason * 7),
                     .phase = static_cast<std::uint8_t>(reason % 10),
                     .from = from,
                     .action = action,
                     .reason = static_cast<ReasonCode>(reason)});
          ++added;
        }
  total = 0;
  table.for_each([&](const SeriesKey&, std::uint64_t count, std::uint64_t) { total += count; });
  CHECK(total == added);
}

TEST_CASE("a byte that is no reason code cannot make a series of its own") {
  SeriesTable table(3);
  table.add({.name = 1, .reason = static_cast<ReasonCode>(0x55)});
  CHECK(count_of(table, {.name = 1, .reason = ReasonCode::unspecified_error}) == 1);
}

}  // namespace sallyport::observe
