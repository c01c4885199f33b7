#include "sallyport/bounds.h"

#include <algorithm>

#include "sallyport/mqtt.h"

namespace sallyport {

static_assert(detail::kMaxPacket <= std::uint64_t{mqtt::kMaxRemainingLength} + 5);

Bounds strictest(const Bounds& a, const Bounds& b) {
  Bounds out;
  for_each_bound([&](const BoundRow& row, auto field) {
    using Value = std::remove_reference_t<decltype(out.*field)>;
    if constexpr (std::is_same_v<Value, Characters>) {
      out.*field = a.*field & b.*field;
    } else if (row.stricter == Stricter::smaller) {
      out.*field = std::min(a.*field, b.*field);
    } else {
      out.*field = std::max(a.*field, b.*field);
    }
  });
  out.min_keep_alive = std::min(out.min_keep_alive, out.max_keep_alive);
  return out;
}

}  // namespace sallyport
