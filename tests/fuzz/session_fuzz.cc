// The session: a client and a broker talk, time goes by, policies change. See session/model.h for
// what must hold of every conversation; and it must be the same conversation however what arrives
// is cut.

#include <algorithm>
#include <cstring>

#include "check.h"
#include "session/runner.h"

using namespace sallyport;
using namespace sallyport::fuzz;

namespace {

std::vector<policy::Policy::Ptr> compile(const Script& script) {
  std::vector<policy::Policy::Ptr> out;
  for (const policy::PolicySpec& spec : script.policies) {
    auto policy = policy::Policy::compile(spec);
    must(policy.has_value(), policy ? "" : policy.error().front().message);
    out.push_back(std::move(*policy));
  }
  return out;
}

std::vector<std::string> play(const Script& script,
                              const std::vector<policy::Policy::Ptr>& policies, unsigned cut) {
  return Runner(script, policies, cut).play();
}

void must_be_same(const std::vector<std::string>& whole, const std::vector<std::string>& cut) {
  for (std::size_t i = 0; i < std::max(whole.size(), cut.size()); ++i) {
    if (i < whole.size() && i < cut.size() && whole[i] == cut[i]) continue;
    std::fprintf(stderr, "step %zu differs; whole:\n", i);
    show(i < whole.size() ? whole[i] : "(over)");
    std::fprintf(stderr, "cut:\n");
    show(i < cut.size() ? cut[i] : "(over)");
    must(false, "a conversation does not depend on how its bytes are cut");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Script script = read_script({data, size});
  const std::vector<policy::Policy::Ptr> policies = compile(script);
  const auto whole = play(script, policies, 0);
  static constexpr unsigned kCuts[] = {1, 2, 7, 40, 1000};
  must_be_same(whole, play(script, policies, kCuts[script.cuts % std::size(kCuts)]));
  return 0;
}
