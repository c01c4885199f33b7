#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::bench {

/// Something to measure: prepared by its constructor, then run any number of times. A case checks
/// in its constructor that it measures what its name says (that the packet is decoded, that the
/// verdict is the one expected) and throws std::logic_error where it does not.
class Case {
 public:
  virtual ~Case() = default;
  /// Does `steps` steps, which are one operation each, or as many as the CaseSpec says. What
  /// happens once for each call costs next to nothing.
  virtual void run(std::uint64_t steps) = 0;
};

struct CaseSpec {
  std::string name;
  std::string operation;    // what is done once, in words
  std::uint64_t bytes = 0;  // that one operation goes through; 0: it is not about bytes
  std::uint64_t parameter = 0;
  std::unique_ptr<Case> (*make)(std::uint64_t parameter) = nullptr;
  std::uint64_t together = 1;  // operations that one step of run() does
};

template <typename T>
std::unique_ptr<Case> make_case(std::uint64_t parameter) {
  return std::make_unique<T>(parameter);
}

/// The compiler must take `value` for used.
template <typename T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Throws std::logic_error.
void require(bool holds, std::string_view what);

// Each folder of the core has its cases, and the audit log.
[[nodiscard]] std::vector<CaseSpec> framing_cases();
[[nodiscard]] std::vector<CaseSpec> topic_cases();
[[nodiscard]] std::vector<CaseSpec> verdict_cases();
[[nodiscard]] std::vector<CaseSpec> session_cases();
[[nodiscard]] std::vector<CaseSpec> audit_cases();
/// All of them, in this order.
[[nodiscard]] std::vector<CaseSpec> all_cases();

}  // namespace sallyport::bench
