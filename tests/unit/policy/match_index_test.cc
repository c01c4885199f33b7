// The index over matchers: it leaves out none that holds, and the cost of a question does not grow
// with their number.
#include "policy/match_index.h"

#include <algorithm>
#include <random>

#include "given.h"
#include "policy/match.h"

namespace sallyport::policy {
namespace {

using Ids = std::vector<std::uint32_t>;

MatchIndex index_of(const std::vector<MatchSpec>& specs) {
  std::vector<const MatchSpec*> pointers;
  for (const MatchSpec& spec : specs) pointers.push_back(&spec);
  return MatchIndex(pointers);
}

Ids candidates(const std::vector<MatchSpec>& specs, const Identity& identity) {
  return index_of(specs).candidates(Subject(identity));
}

MatchSpec asking(AttributeKey key, std::vector<Text> entries) {
  MatchSpec spec;
  spec[key] = std::move(entries);
  return spec;
}

Identity named(std::string common_name) {
  auto certificate = std::make_shared<Certificate>();
  certificate->common_name = std::move(common_name);
  Identity identity;
  identity.certificate = std::move(certificate);
  return identity;
}

TEST_CASE("candidates are those that a text of theirs is found for, and those without one") {
  std::vector<MatchSpec> specs = {
      asking("cert_cn", {"sensor-7", "sensor-8"}),
      asking("username", {"ursula"}),
      asking("cert_cn", {"sensor-7", "sensor-*"}),
      asking("cert_san_dns", {"a.example", "b.*"}),
      asking("cert_san_uri", {"*:7"}),
      asking("client_id", {"pump-7"}),
      asking("listener", {"devices"}),
      asking("address", {"192.0.2.0/24"}),
      asking("address", {"198.51.100.0/24", "2001:db8::/32"}),
      asking("cert_serial", {"0a*"}),
      asking("client_id", {"*ump*"}),  // no literal at either end
      {},
  };
  CHECK(candidates(specs, device()) == Ids{0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11});
  CHECK(candidates(specs, Identity{}) == Ids{10, 11});
  CHECK(candidates(specs, named("sensor-70")) == Ids{2, 10, 11});
  Identity away;
  away.address = "2001:db8::7";
  CHECK(candidates(specs, away) == Ids{8, 10, 11});
}

TEST_CASE("of the attributes that a role asks for the index takes the one that tells most apart") {
  for (const bool crowded_first : {true, false}) {
    std::vector<MatchSpec> specs;
    for (int i = 0; i < 1000; ++i) {
      const std::string tenant = "tenant-" + std::to_string(i);
      MatchSpec spec = asking("listener", {"devices"});  // a name in full, and yet everybody's
      if (crowded_first) {
        spec["username"] = {tenant + "-*"};
        spec["client_id"] = {"dev-*"};
      } else {
        spec["client_id"] = {tenant + "-*"};
        spec["username"] = {"dev-*"};
      }
      specs.push_back(std::move(spec));
    }
    Identity identity;
    identity.listener = "devices";
    identity.username = crowded_first ? "tenant-17-x" : "dev-17";
    identity.client_id = crowded_first ? "dev-17" : "tenant-17-x";
    CHECK(candidates(specs, identity) == Ids{17});
  }
}

TEST_CASE("of thousands of roles a client needs to be held against a handful") {
  const struct {
    const char* what;
    std::string (*entry)(const std::string& number);
    const char* key;
  } rows[] = {
      {"literal", [](const std::string& n) { return "tenant-" + n; }, "tenant-17"},
      {"prefix", [](const std::string& n) { return "tenant-" + n + "-*"; }, "tenant-17-5"},
      {"suffix", [](const std::string& n) { return "*-tenant-" + n; }, "5-tenant-17"},
      {"both ends, the front for all", [](const std::string& n) { return "t*-" + n; }, "ten-17"},
      {"both ends, the back for all", [](const std::string& n) { return n + "-*-t"; }, "17-5-t"},
      {"?", [](const std::string& n) { return n + "-?"; }, "17-5"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    std::vector<MatchSpec> specs;
    for (int i = 0; i < 10'000; ++i) {
      specs.push_back(asking("cert_cn", {row.entry(std::to_string(i))}));
    }
    const Ids found = candidates(specs, named(row.key));
    CHECK(found.size() <= 2);
    CHECK(std::ranges::find(found, 17U) != found.end());
  }
  std::vector<MatchSpec> networks;
  for (int i = 0; i < 10'000; ++i) {
    networks.push_back(asking(
        "address", {"10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24"}));
  }
  Identity identity;
  identity.address = "10.2.17.9";
  CHECK(candidates(networks, identity) == Ids{517});
}

/// Few addresses, so that they meet often.
std::string random_address(Dice& dice) {
  const char* const nets[] = {"10.0.0.", "10.0.1.", "10.1.0.", "::ffff:10.0.0.", "2001:db8::"};
  return dice.pick(nets) + std::to_string(dice.below(4));
}
std::string random_network(Dice& dice) {
  const char* const nets[] = {"10.0.0.0/24", "10.0.0.0/16",   "10.0.0.0/8",     "0.0.0.0/0",
                              "::/0",        "2001:db8::/32", "2001:db8::1/128"};
  return dice.one_in(2) ? random_address(dice) : dice.pick(nets);
}

MatchSpec random_spec(Dice& dice) {
  MatchSpec spec;
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    if (dice.below(3) != 0) continue;
    for (std::size_t entries = 1 + dice.below(3); entries > 0; --entries) {
      spec.asked[i].emplace_back(kAttributes[i].is_network() ? random_network(dice)
                                                             : "a" + dice.text("ab*?", 3));
      if (!kAttributes[i].is_network() && dice.below(2) == 0) {
        spec.asked[i].back().value.erase(0, 1);
        if (spec.asked[i].back().value.empty()) spec.asked[i].back().value = "*";
      }
    }
  }
  return spec;
}

Identity random_client(Dice& dice) {
  const auto text = [&dice] { return dice.text("ab", 3); };
  Identity identity;
  identity.listener = text();
  identity.client_id = text();
  identity.address = dice.below(5) == 0 ? "nowhere" : random_address(dice);
  if (dice.below(3) != 0) identity.username = text();
  if (dice.below(3) != 0) {
    auto certificate = std::make_shared<Certificate>();
    certificate->common_name = text();
    certificate->serial = text();
    certificate->fingerprint = text();
    for (std::size_t i = dice.below(3); i > 0; --i) certificate->san_dns.push_back(text());
    for (std::size_t i = dice.below(3); i > 0; --i) certificate->san_uri.push_back(text());
    identity.certificate = std::move(certificate);
  }
  return identity;
}

TEST_CASE("candidates that hold are exactly the matchers that hold") {
  std::size_t held = 0;
  std::size_t spared = 0;
  std::size_t asked = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    std::vector<MatchSpec> specs;
    std::vector<Matcher> matchers;
    for (std::size_t i = 1 + dice.below(30); i > 0; --i) {
      specs.push_back(random_spec(dice));
      matchers.emplace_back(specs.back());
    }
    const MatchIndex index = index_of(specs);
    for (int i = 0; i < 40; ++i) {
      const Identity identity = random_client(dice);
      const Subject subject(identity);
      const Ids found = index.candidates(subject);
      for (std::uint32_t id = 0; id < matchers.size(); ++id) {
        const bool holds = matchers[id].holds(subject);
        const bool candidate = std::ranges::binary_search(found, id);
        if (holds && !candidate) {
          CAPTURE(seed);
          CAPTURE(id);
          REQUIRE(candidate);
        }
        held += holds ? 1U : 0U;
        spared += candidate ? 0U : 1U;
        ++asked;
      }
    }
  }
  // The dice must not make it too easy.
  CHECK(held > asked / 50);
  CHECK(spared > asked / 4);
}

}  // namespace
}  // namespace sallyport::policy
