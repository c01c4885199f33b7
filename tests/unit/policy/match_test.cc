// match = { ... }: which identities have a role.
#include "policy/match.h"

#include <random>
#include <span>

#include "given.h"
#include "policy/address.h"
#include "policy/glob.h"

namespace sallyport::policy {
namespace {

bool is_matched(const MatchSpec& match, const Identity& identity) {
  RoleSpec spec = role("r");
  spec.match = match;
  const auto policy = compiled({spec});
  const auto admitted = Policy::admit(policy, identity, mqtt::Version::v5);
  if (!admitted) CHECK(words(admitted.error()) == "refused by policy.no-role: disconnect 0x87");
  return admitted.has_value();
}

TEST_CASE("globs") {
  const struct {
    std::string_view glob, text;
    bool matches;
  } rows[] = {
      {"", "", true},
      {"", "a", false},
      {"abc", "abc", true},
      {"abc", "abcd", false},
      {"abc", "ab", false},
      {"abc", "ABC", false},
      {"*", "", true},
      {"*", "anything/at+all", true},
      {"**", "", true},
      {"sensor-*", "sensor-", true},
      {"sensor-*", "sensor-7", true},
      {"sensor-*", "xsensor-7", false},
      {"*-7", "sensor-7", true},
      {"*-7", "sensor-77", false},
      {"a*b*c", "abc", true},
      {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "a-c-b", false},
      {"*aab", "aaaab", true},
      {"?", "", false},
      {"?", "a", true},
      {"?", "ab", false},
      {"a?c", "abc", true},
      {"?*", "", false},
      {"?*", "abc", true},
      {"*?", "abc", true},
      {"*??", "a", false},
      {"?", "\xC3\xA4", true},  // one character of two bytes
      {"??", "\xC3\xA4", false},
      {"*?x", "\xE2\x82\xACx", true},
      {"[a-z]", "b", false},  // only * and ? are special
      {"[a-z]", "[a-z]", true},
      {"\\*", "*", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.glob);
    CAPTURE(row.text);
    CHECK(glob_matches(row.glob, row.text) == row.matches);
  }
}

TEST_CASE("a glob that is hard to fail fails soon") {
  // 2^60 ways for a matcher that tries them all.
  std::string glob;
  for (int i = 0; i < 120; ++i) glob += "*a";
  glob += "b";
  const std::string text(20'000, 'a');
  CHECK_FALSE(glob_matches(glob, text));
  CHECK(glob_matches(glob, text + "b"));
}

/// What a glob means, letter by letter and by trying everything.
bool plainly_matches(std::string_view glob, std::string_view text) {
  if (glob.empty()) return text.empty();
  if (glob.front() == '*') {
    for (std::size_t at = 0; at <= text.size(); ++at) {
      const bool boundary = at == text.size() || (static_cast<unsigned char>(text[at]) >> 6) != 2;
      if (boundary && plainly_matches(glob.substr(1), text.substr(at))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  std::size_t size = 1;
  if (glob.front() == '?') {
    while (size < text.size() && (static_cast<unsigned char>(text[size]) >> 6) == 2) ++size;
  } else if (glob.front() != text.front()) {
    return false;
  }
  return plainly_matches(glob.substr(1), text.substr(size));
}

TEST_CASE("globs match as trying everything does") {
  constexpr std::string_view kParts[] = {"a", "b", "*", "*", "?", "?", "\xC3\xA4", "\xE2\x82\xAC"};
  constexpr std::string_view kLetters[] = {"a", "b", "a", "\xC3\xA4", "\xE2\x82\xAC"};
  std::mt19937 random(1);
  const auto text = [&random](std::span<const std::string_view> parts, unsigned most) {
    std::string out;
    for (auto i = random() % (most + 1); i > 0; --i) out += parts[random() % parts.size()];
    return out;
  };
  std::size_t matches = 0;
  std::size_t middles = 0;  // with a `?` between two stars
  for (int i = 0; i < 200'000; ++i) {
    const std::string glob = text(kParts, 8);
    const std::string value = text(kLetters, 8);
    const bool expected = plainly_matches(glob, value);
    if (glob_matches(glob, value) != expected) {
      CAPTURE(glob);
      CAPTURE(value);
      REQUIRE(glob_matches(glob, value) == expected);
    }
    const auto star = glob.find('*');
    const auto question = star == glob.npos ? star : glob.find('?', star);
    const bool middle = question != glob.npos && glob.rfind('*') > question;
    matches += expected ? 1U : 0U;
    middles += expected && middle ? 1U : 0U;
  }
  // The dice must not make it too easy.
  CHECK(matches > 10'000);
  CHECK(middles > 2'000);
}

TEST_CASE("a glob that is too long matches nothing") {
  CHECK(glob_matches(std::string(kMaxGlob, '*'), "a"));
  CHECK_FALSE(glob_matches(std::string(kMaxGlob + 1, '*'), "a"));
}

TEST_CASE("no match: every identity") {
  CHECK(is_matched({}, device()));
  CHECK(is_matched({}, Identity{}));
}

TEST_CASE("each key of match looks at its own value") {
  const struct {
    AttributeKey key;
    const char* yes;
    const char* no;
  } rows[] = {
      {"listener", "dev*", "plain"},
      {"listener", "devices", "device"},
      {"cert_cn", "sensor-?", "sensor-??"},
      {"cert_cn", "sensor-7", "pump-7"},
      {"cert_san_dns", "b.*", "c.*"},
      {"cert_san_dns", "b.example", "c.example"},
      {"cert_san_uri", "spiffe://plant/*", "spiffe://other/*"},
      {"cert_san_uri", "urn:dev:7", "urn:dev:8"},
      {"username", "u*a", "*b"},
      {"username", "ursula", "Ursula"},
      {"client_id", "pump-*", "ursula"},
      {"client_id", "pump-7", "sensor-7"},
      {"cert_serial", "0a*", "0b*"},
      {"cert_fingerprint", "9f86d081", "9f86d082"},
      {"address", "192.0.2.0/24", "192.0.3.0/24"},
      {"address", "192.0.2.7", "192.0.2.8"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.yes);
    MatchSpec match;
    match[row.key] = {row.yes};
    CHECK(is_matched(match, device()));
    match[row.key] = {row.no};
    CHECK_FALSE(is_matched(match, device()));
    match[row.key] = {row.no, row.yes};  // of a list one must match
    CHECK(is_matched(match, device()));
  }
}

TEST_CASE("all keys must hold") {
  MatchSpec match;
  match["listener"] = {"devices"};
  match["cert_cn"] = {"sensor-*"};
  match["cert_san_dns"] = {"a.example"};
  match["cert_san_uri"] = {"urn:*"};
  match["username"] = {"ursula"};
  match["client_id"] = {"pump-7"};
  match["address"] = {"192.0.2.7"};
  CHECK(is_matched(match, device()));
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    CAPTURE(kAttributes[i].match);
    MatchSpec wrong = match;
    wrong.asked[i] = {kAttributes[i].is_network() ? "198.51.100.0/24" : "bad0"};
    CHECK_FALSE(is_matched(wrong, device()));
  }
}

TEST_CASE("what an identity does not have matches no glob") {
  Identity bare;
  bare.listener = "plain";
  bare.address = "not an address";
  for (const AttributeKey key :
       {AttributeKey("cert_cn"), AttributeKey("cert_san_dns"), AttributeKey("cert_san_uri"),
        AttributeKey("cert_serial"), AttributeKey("cert_fingerprint"), AttributeKey("username")}) {
    MatchSpec match;
    match[key] = {"*"};
    CHECK_FALSE(is_matched(match, bare));
    CHECK(is_matched(match, device()));
  }
  MatchSpec everywhere;
  everywhere["address"] = {"0.0.0.0/0", "::/0"};
  CHECK_FALSE(is_matched(everywhere, bare));

  bare.certificate = std::make_shared<Certificate>();  // without any name
  MatchSpec named;
  named["cert_cn"] = {"*"};
  CHECK_FALSE(is_matched(named, bare));
  bare.username = "";  // given, and empty: that is a value
  MatchSpec user;
  user["username"] = {"*"};
  CHECK(is_matched(user, bare));
  user["username"] = {"?*"};
  CHECK_FALSE(is_matched(user, bare));
}

TEST_CASE("networks") {
  const struct {
    const char* network;
    const char* address;
    bool inside;
  } rows[] = {
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7/32", "192.0.2.8", false},
      {"192.0.2.0/25", "192.0.2.127", true},
      {"192.0.2.0/25", "192.0.2.128", false},
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"128.0.0.0/1", "127.0.0.1", false},
      {"128.0.0.0/1", "128.0.0.1", true},
      {"2001:db8::/32", "2001:db8:1::1", true},
      {"2001:db8::/32", "2001:db9::1", false},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"::1", "::1", true},
      {"::1", "0:0:0:0:0:0:0:1", true},
      {"::/0", "2001:db8::1", true},
      {"fe80::/10", "fe80::1%eth0", true},
      // An IPv4 address is the same address in a socket for both families.
      {"192.0.2.0/24", "::ffff:192.0.2.7", true},
      {"::ffff:192.0.2.0/120", "192.0.2.7", true},
      {"::ffff:192.0.2.0/120", "::ffff:192.0.2.7", true},
      {"::ffff:192.0.2.0/120", "192.0.3.7", false},
      {"::ffff:0.0.0.0/96", "192.0.2.7", true},
      {"::/0", "192.0.2.7", false},
      {"::/0", "::ffff:192.0.2.7", false},
      {"0.0.0.0/0", "::1", false},
      {"192.0.2.0/24", "192.0.2", false},
      {"192.0.2.0/24", "", false},
      {"192.0.2.0/24", "192.0.2.7 ", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.network);
    CAPTURE(row.address);
    MatchSpec match;
    match["address"] = {row.network};
    Identity identity = device();
    identity.address = row.address;
    CHECK(is_matched(match, identity) == row.inside);
  }
}

}  // namespace
}  // namespace sallyport::policy
