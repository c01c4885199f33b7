#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "observe/counters.h"
#include "observe/name_table.h"

namespace sallyport::observe {

/// What is counted by listener and role.
struct GroupCounters {
  Level open;
  Counter begun;
  std::array<Counter, 2> packets;  // by sender
  std::array<Counter, 2> bytes;

  [[nodiscard]] bool is_used() const {
    return begun.value() != 0 || open.value() != 0 || packets[0].value() != 0 ||
           packets[1].value() != 0;
  }
};

/// One for each listener and name of roles. The number of both is bounded (Names), so all of them
/// are there from the beginning, and a group is a number that sessions keep.
///
/// Thread: one writer, any reader.
class GroupTable final {
 public:
  GroupTable(std::size_t listeners, std::size_t roles)
      : roles_(roles), groups_(std::make_unique<GroupCounters[]>(listeners * roles)) {}

  /// Never 0, so that 0 can stand for none.
  [[nodiscard]] std::uint32_t group(std::size_t listener, NameTable::Id role) const {
    return static_cast<std::uint32_t>(listener * roles_ + role + 1);
  }
  [[nodiscard]] NameTable::Id role(std::uint32_t group) const {
    return static_cast<NameTable::Id>((group - 1) % roles_);
  }
  [[nodiscard]] GroupCounters& operator[](std::uint32_t group) { return groups_[group - 1]; }
  [[nodiscard]] const GroupCounters& operator[](std::uint32_t group) const {
    return groups_[group - 1];
  }

 private:
  const std::size_t roles_;
  const std::unique_ptr<GroupCounters[]> groups_;
};

}  // namespace sallyport::observe
