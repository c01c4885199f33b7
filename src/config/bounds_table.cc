#include "config/bounds_table.h"

#include <array>

namespace sallyport::config {

namespace {

NumberField<Bounds> number_field(const BoundRow& row) {
  if (const auto* small = std::get_if<std::uint16_t Bounds::*>(&row.field)) return *small;
  return std::get<std::uint32_t Bounds::*>(row.field);
}

/// How files write a bound.
Key<Bounds> key_of(const BoundRow& row) {
  switch (row.unit) {
    case Unit::bytes:
      return {row.name, Size<Bounds>{number_field(row), row.least, row.most}};
    case Unit::items:
      return {row.name, Count<Bounds>{number_field(row), row.least, row.most}};
    case Unit::seconds:
      return {row.name,
              Seconds<Bounds>{std::get<std::uint16_t Bounds::*>(row.field), row.least, row.most}};
    case Unit::milliseconds:
      return {row.name, Time<Bounds>{std::get<Duration Bounds::*>(row.field),
                                     std::chrono::milliseconds(row.least),
                                     std::chrono::milliseconds(row.most)}};
    case Unit::characters:
      return {row.name, Letters<Bounds>{std::get<Characters Bounds::*>(row.field)}};
    case Unit::refusal:
      return {row.name, Refusal<Bounds>{std::get<bool Bounds::*>(row.field)}};
    case Unit::flag:
      break;
  }
  return {row.name, Flag<Bounds>{std::get<bool Bounds::*>(row.field)}};
}

/// A bound that is on or off says what lowers no other in so many words.
bool would_raise(const BoundRow& row, const Bounds& bounds) {
  const auto* field = std::get_if<bool Bounds::*>(&row.field);
  return field != nullptr && bounds.**field == unbounded().**field;
}

/// Returns false where a role may not have this row. Complains then.
bool check_role(TableReader& table, const BoundRow& row) {
  if (row.of_role) return true;
  if (table.has(row.name)) {
    const Node* node = table.find(row.name);
    table.problems().add(node->at, table.named(row.name, *node) + " comes too late",
                         "a role is known once CONNECT is there; write it in [limits] or in "
                         "limits of the listener");
  }
  return false;
}

void complain_raise(TableReader& table, const BoundRow& row) {
  const Node* node = table.find(row.name);
  table.problems().add(
      node->at,
      table.named(row.name, *node) + " would raise a bound, and a role can only lower them",
      row.unit == Unit::flag
          ? "write false or delete the line; true is for [limits] and the listener"
          : "write \"refuse\" or delete the line; \"pass\" is for [limits] and the listener");
}

/// A small max_packet lowers the other limit, too, unless that was written next to it.
void fit_packet_sizes(TableReader& table, Bounds& bounds) {
  if (bounds.max_packet_before_connect <= bounds.max_packet) return;
  const Node* before = table.find("max_packet_before_connect");
  if (before == nullptr) {
    bounds.max_packet_before_connect = bounds.max_packet;
    return;
  }
  table.problems().add(
      before->at, table.named("max_packet_before_connect", *before) + " is more than max_packet",
      "a client gets less room before CONNECT than after it");
}

void check_keep_alive(TableReader& table, const Bounds& bounds) {
  if (bounds.min_keep_alive <= bounds.max_keep_alive) return;
  const std::string hint = "a client could keep to no keep-alive at all; the other one is ";
  const auto text = [](std::uint16_t seconds) {
    return "\"" + format_duration(std::chrono::seconds(seconds)) + "\"";
  };
  if (const Node* least = table.find("min_keep_alive")) {
    table.problems().add(least->at,
                         table.named("min_keep_alive", *least) + " is more than max_keep_alive",
                         hint + text(bounds.max_keep_alive));
  } else if (const Node* most = table.find("max_keep_alive")) {
    table.problems().add(most->at,
                         table.named("max_keep_alive", *most) + " is less than min_keep_alive",
                         hint + text(bounds.min_keep_alive));
  }
}

}  // namespace

bool read_bounds(TableReader& table, Bounds& bounds, BoundsOf whose) {
  const bool of_role = whose == BoundsOf::role;
  bool any = false;
  for (const BoundRow& row : kBounds) {
    any = any || table.has(row.name);
    if (of_role && !check_role(table, row)) continue;
    const std::array key = {key_of(row)};
    const std::size_t before = table.problems().count();
    read_keys<Bounds>(table, key, bounds);
    const bool is_good = table.has(row.name) && table.problems().count() == before;
    if (of_role && is_good && would_raise(row, bounds)) complain_raise(table, row);
  }
  fit_packet_sizes(table, bounds);
  check_keep_alive(table, bounds);
  return any;
}

void list_bounds(const Bounds& bounds, const std::string& path, std::vector<KeyInfo>& out) {
  for (const BoundRow& row : kBounds) {
    const std::array key = {key_of(row)};
    list_keys<Bounds>(key, bounds, path, out);
  }
}

}  // namespace sallyport::config
