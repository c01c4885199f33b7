#include "bench/micro/case.h"

#include <iterator>
#include <stdexcept>

namespace sallyport::bench {

void require(bool holds, std::string_view what) {
  if (!holds) throw std::logic_error("a case does not measure what it says: " + std::string(what));
}

std::vector<CaseSpec> all_cases() {
  std::vector<CaseSpec> all;
  for (auto* const cases :
       {framing_cases, topic_cases, verdict_cases, session_cases, audit_cases}) {
    std::vector<CaseSpec> some = cases();
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  return all;
}

}  // namespace sallyport::bench
