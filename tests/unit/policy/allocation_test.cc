// A verdict allocates nothing. A program of its own, because it replaces operator new.

#include "given.h"
#include "support/allocations.h"

namespace sallyport::policy {
namespace {

TEST_CASE("the counter counts") {
  const auto before = allocations::count();
  delete new std::string(100, 'x');
  CHECK(allocations::count() == before + 2);
}

TEST_CASE("no verdict allocates, whatever it is about") {
  RoleSpec all =
      role("all", {allow("a", {"plant/${client_id}/#", "plant/+/x", "+/+/+/+"}),
                   allow("b", {}, {"plant/${cert.san.dns}/#", "#"}),
                   deny("c", {"+/secret/#", "x-${username}-y"}), deny("d", {}, {"secret/#"})});
  all.rules[0].limit = messages(10);
  all.rules[0].max_payload = 10;
  all.rules[0].on_deny = both(Action::report);
  RoleSpec listener = role("listener", {allow("e", {"a/b/c/d/e/f/g/h/#"})});
  listener.match["listener"] = {"dev*"};
  const Client client({all, listener});
  const std::string deep(65'535, '/');
  const std::string wide(65'535, 'x');
  const auto before = allocations::count();
  std::size_t allowed = 0;
  for (const std::string_view text :
       {std::string_view("plant/pump-7/a/b"), std::string_view("plant/other/x"),
        std::string_view("plant/b.example/cmd"), std::string_view("a/secret/b"),
        std::string_view("x-ursula-y"), std::string_view("secret"), std::string_view("#"),
        std::string_view("plant/+/x"), std::string_view("$SYS/#"), std::string_view(deep),
        std::string_view(wide), std::string_view()}) {
    for (const std::uint32_t size : {0U, 100U}) {
      allowed += client->check_publish({text, 1, true, size}).allowed ? 1U : 0U;
      allowed += client->check_delivery({text, 1, true, size}).allowed ? 1U : 0U;
      allowed += client->check_subscribe(text, 2).allowed ? 1U : 0U;
      allowed += client->check_response_topic(text).allowed ? 1U : 0U;
    }
  }
  const auto after = allocations::count();
  CHECK(after == before);
  CHECK(allowed > 0);
}

TEST_CASE("measuring a rate allocates nothing") {
  RateLimit limit;
  limit.messages = Rate{1, std::chrono::seconds(1)};
  limit.bytes = Rate{1, std::chrono::seconds(1)};
  limit.precompute();
  RateMeter meter;
  const auto before = allocations::count();
  const Duration wait = meter.wait(limit, 10, Instant{});
  meter.charge(limit, 10, Instant{});
  CHECK(allocations::count() == before);
  CHECK(wait == Duration::zero());
}

}  // namespace
}  // namespace sallyport::policy
