#include "bench/load/tally.h"

#include <algorithm>
#include <bit>

namespace sallyport::bench {

void Latency::add(Duration took) {
  const auto value = static_cast<std::uint64_t>(std::max(took.count(), Duration::rep{0}));
  const auto width = static_cast<unsigned>(std::bit_width(value));
  // Small values are their own class; of the others the leading bits say which.
  const unsigned shift = width > kFine + 1 ? width - kFine - 1 : 0;
  ++classes_[(std::uint64_t{shift} << kFine) + (value >> shift)];
  ++count_;
  longest_ = std::max(longest_, took);
}

Duration Latency::quantile(double part) const {
  const auto wanted = static_cast<std::uint64_t>(static_cast<double>(count_) * part);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    seen += classes_[i];
    if (seen <= wanted && seen != count_) continue;
    if (count_ == 0) break;
    const std::uint64_t shift = i >> kFine == 0 ? 0 : (i >> kFine) - 1;
    const std::uint64_t upper = (i - (shift << kFine) + 1) << shift;
    return std::min(Duration(static_cast<Duration::rep>(upper)), longest_);
  }
  return Duration{};
}

}  // namespace sallyport::bench
