#include "policy/limit.h"

#include <algorithm>

namespace sallyport::policy {

namespace {

__extension__ using Wide = unsigned __int128;

// RateMeter keeps times as nanoseconds in 63 bits, 292 years. A budget that takes longer to refill
// than this is a slip of the pen.
constexpr std::uint64_t kLongestRefill = 100ULL * 365 * 24 * 3600 * 1'000'000'000;

bool is_valid(const Rate& rate) { return rate.count > 0 && rate.per > Duration::zero(); }

/// How much a rate allows in one second; at least 1.
std::uint64_t one_second(const Rate& rate) {
  const Wide worth =
      Wide{rate.count} * 1'000'000'000U / static_cast<std::uint64_t>(rate.per.count());
  return static_cast<std::uint64_t>(std::clamp<Wide>(worth, 1, UINT64_MAX));
}

bool refills_in_time(const Rate& rate, std::uint64_t burst) {
  return Wide{burst} * static_cast<std::uint64_t>(rate.per.count()) <=
         Wide{rate.count} * kLongestRefill;
}

}  // namespace

void check_rate(const RateSpec& spec, std::string_view key, std::vector<Problem>& problems) {
  const std::string name(key);
  if (!spec.messages && !spec.bytes && !spec.burst) {
    problems.push_back(
        {name + " says neither messages nor bytes",
         "write " + name + " = { messages = \"20/s\" } or { bytes = \"64 KiB/s\" }"});
  }
  if (spec.messages && !is_valid(*spec.messages)) {
    problems.push_back({name + ".messages is not a rate above zero", "write it as \"20/s\""});
  } else if (spec.messages && spec.burst && !refills_in_time(*spec.messages, spec.burst->value)) {
    problems.push_back({name + ".burst would take more than a hundred years to refill",
                        "a lower burst, or a higher rate", spec.burst->at});
  } else if (spec.messages && !refills_in_time(*spec.messages, 1)) {
    problems.push_back({name + ".messages takes more than a hundred years for one message",
                        "write it as \"20/s\""});
  }
  if (spec.bytes && !is_valid(*spec.bytes)) {
    problems.push_back({name + ".bytes is not a rate above zero", "write it as \"64 KiB/s\""});
  } else if (spec.bytes && !refills_in_time(*spec.bytes, one_second(*spec.bytes))) {
    problems.push_back(
        {name + ".bytes takes more than a hundred years for one byte", "write it as \"64 KiB/s\""});
  }
  if (spec.burst && !spec.messages) {
    problems.push_back({name + ".burst needs \"messages\"",
                        "burst is how many messages may come at once", spec.burst->at});
  }
  if (spec.burst && spec.burst->value == 0) {
    problems.push_back(
        {name + ".burst = 0 would let no message pass", "at least 1", spec.burst->at});
  }
}

RateLimit to_limit(const RateSpec& spec, std::string name, bool is_rule) {
  RateLimit limit;
  limit.name = std::move(name);
  limit.is_rule = is_rule;
  limit.messages = spec.messages;
  limit.bytes = spec.bytes;
  if (spec.messages) limit.burst = spec.burst ? spec.burst->value : one_second(*spec.messages);
  if (spec.bytes) limit.byte_burst = one_second(*spec.bytes);
  limit.on_exceed = spec.on_exceed;
  limit.precompute();
  return limit;
}

}  // namespace sallyport::policy
