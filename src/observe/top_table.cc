#include "observe/top_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "observe/printable.h"

namespace sallyport::observe {

namespace {

constexpr std::size_t kEntriesPerRow = 8;
constexpr double kFade = 60;         // seconds after which 1/e of a count is left
constexpr double kForgotten = 0.05;  // what is less than this was long ago
constexpr std::size_t kMostBytes = 128;

/// Fit for a label and for a page: nothing hidden in it, and not too long.
std::string shown(std::string_view text) {
  std::string name = printable(text.substr(0, kMostBytes));
  std::size_t end = std::min(name.size(), kMostBytes);
  // Not in the middle of a character: 10xxxxxx continues one. RFC 3629
  while (end > 0 && end < name.size() && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) {
    --end;
  }
  name.resize(end);
  return name;
}

void sort(std::vector<TopRow>& rows, std::size_t most) {
  std::ranges::sort(rows, [](const TopRow& a, const TopRow& b) {
    return std::pair(-a.per_second, std::string_view(a.name)) <
           std::pair(-b.per_second, std::string_view(b.name));
  });
  if (rows.size() > most) rows.resize(most);
}

}  // namespace

std::string_view to_string(NameKind kind) {
  switch (kind) {
    case NameKind::client_id:
      return "client_id";
    case NameKind::certificate:
      return "certificate";
    case NameKind::address:
      return "address";
  }
  return "address";
}

TopTable::TopTable(std::size_t most)
    : most_(most), keys_(most * kEntriesPerRow), entries_(keys_.size()) {}

std::size_t TopTable::add(std::uint64_t key, double amount, const Name& name) {
  if (entries_.empty()) return 0;
  const auto found = std::ranges::find(keys_, key);
  const auto at = static_cast<std::size_t>(
      found != keys_.end()
          ? found - keys_.begin()
          : std::ranges::min_element(entries_, {}, &Entry::count) - entries_.begin());
  Entry& entry = entries_[at];
  entry.count += amount;
  if (found != keys_.end()) return at;
  keys_[at] = key;
  entry.kind = name.kind;
  entry.name.assign(name.text);
  return at;
}

void TopTable::publish(std::int64_t now) {
  if (entries_.empty()) return;
  const std::int64_t before = std::exchange(faded_at_, now).value_or(now);
  const double passed = static_cast<double>(now - before) / 1e9;
  const double left = std::exp(-std::max(passed, 0.0) / kFade);
  std::vector<TopRow> rows;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (keys_[i] == 0) continue;
    Entry& entry = entries_[i];
    entry.count *= left;
    if (entry.count < kForgotten) {
      entry = {};
      keys_[i] = 0;
    } else {
      rows.push_back({entry.kind, entry.name, entry.count / kFade});
    }
  }
  sort(rows, most_);
  for (TopRow& row : rows) row.name = shown(row.name);
  const std::lock_guard lock(mutex_);
  rows_ = std::move(rows);
}

std::vector<TopRow> TopTable::rows() const {
  const std::lock_guard lock(mutex_);
  return rows_;
}

std::vector<TopRow> merge(std::vector<TopRow> rows, std::size_t most) {
  std::map<std::pair<NameKind, std::string>, double> sums;
  for (TopRow& row : rows) sums[{row.kind, std::move(row.name)}] += row.per_second;
  rows.clear();
  for (const auto& [who, per_second] : sums) rows.push_back({who.first, who.second, per_second});
  sort(rows, most);
  return rows;
}

}  // namespace sallyport::observe
