#include "config/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace sallyport::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kSizes = {
    Unit{"B", 1},
    Unit{"KiB", 1ULL << 10U},
    Unit{"MiB", 1ULL << 20U},
    Unit{"GiB", 1ULL << 30U},
    Unit{"KB", 1'000},
    Unit{"kB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
};

// In nanoseconds.
constexpr std::array kDurations = {
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"min", 60ULL * 1'000'000'000},
    Unit{"h", 3'600ULL * 1'000'000'000},
    Unit{"d", 86'400ULL * 1'000'000'000},
};

constexpr std::array kPer = {kDurations[1], kDurations[2], kDurations[3]};

std::string quoted(std::string_view text) {
  return "\"" + std::string(text.substr(0, 20)) + (text.size() > 20 ? "...\"" : "\"");
}

std::string list(std::span<const Unit> units) {
  std::string names;
  for (const Unit& unit : units) {
    if (unit.name == "kB") continue;  // the same as KB
    if (!names.empty()) names += ", ";
    names += unit.name;
  }
  return names;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Takes a decimal number off the front of `text`, and the blanks around it.
std::expected<std::uint64_t, std::string> take_number(std::string_view& text) {
  text = trimmed(text);
  if (text.empty()) return std::unexpected("is empty");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return std::unexpected("is too large");
  if (error != std::errc()) return std::unexpected("does not begin with a number");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with('.') || text.starts_with(',')) {
    return std::unexpected("has a fraction; use a smaller unit instead");
  }
  text = trimmed(text);
  return number;
}

std::expected<std::uint64_t, std::string> scale(std::uint64_t number, std::string_view name,
                                                std::span<const Unit> units) {
  if (name.empty()) return std::unexpected("has no unit; units are " + list(units));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) {
      return std::unexpected("is too large");
    }
    return number * unit.factor;
  }
  return std::unexpected("has the unknown unit " + quoted(name) + "; units are " + list(units));
}

/// "…/min": the part before the slash stays in `text`.
std::expected<Duration, std::string> take_per(std::string_view& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::unexpected("says no time; end it with /s, /min or /h");
  }
  const std::string_view per = trimmed(text.substr(slash + 1));
  text = text.substr(0, slash);
  for (const Unit& unit : kPer) {
    if (unit.name == per) return std::chrono::nanoseconds(unit.factor);
  }
  return std::unexpected("has the unknown time " + quoted(per) +
                         " after '/'; end it with /s, /min or /h");
}

/// The largest of `units` that divides `value` evenly.
std::string format(std::uint64_t value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  }
  return std::to_string(value / best->factor) + " " + std::string(best->name);
}

}  // namespace

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return number;
  return scale(*number, text, kSizes);
}

std::expected<Duration, std::string> parse_duration(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::unexpected(number.error());
  const auto nanoseconds = scale(*number, text, kDurations);
  if (!nanoseconds) return std::unexpected(nanoseconds.error());
  if (*nanoseconds > static_cast<std::uint64_t>(Duration::max().count())) {
    return std::unexpected("is too large");
  }
  return Duration(static_cast<Duration::rep>(*nanoseconds));
}

std::expected<Rate, std::string> parse_rate(std::string_view text) {
  const auto per = take_per(text);
  if (!per) return std::unexpected(per.error());
  const auto number = take_number(text);
  if (!number) return std::unexpected(number.error());
  if (!text.empty()) return std::unexpected("has " + quoted(text) + " between the number and '/'");
  return Rate{.count = *number, .per = *per};
}

std::expected<Rate, std::string> parse_byte_rate(std::string_view text) {
  const auto per = take_per(text);
  if (!per) return std::unexpected(per.error());
  const auto bytes = parse_size(text);
  if (!bytes) return std::unexpected(bytes.error());
  return Rate{.count = *bytes, .per = *per};
}

std::string format_size(std::uint64_t bytes) { return format(bytes, std::span(kSizes).first(4)); }

std::string format_duration(Duration duration) {
  return format(static_cast<std::uint64_t>(duration.count()), kDurations);
}

std::string format_rate(const Rate& rate) {
  const std::string_view per = rate.per == std::chrono::seconds(1)   ? "s"
                               : rate.per == std::chrono::minutes(1) ? "min"
                                                                     : "h";
  return std::to_string(rate.count) + "/" + std::string(per);
}

}  // namespace sallyport::config
