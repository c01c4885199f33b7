#include "proxy/commands.h"

#include <algorithm>
#include <iterator>
#include <list>
#include <set>

#include <doctest/doctest.h>

#include "policy/address.h"
#include "policy/pattern.h"
#include "record.h"
#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using tls::test::load;
using tls::test::pki;

namespace {

using Rows = std::vector<SessionRow>;
using Statuses = std::vector<WorkerStatus>;

Rows list(Site& site, const SessionFilter& filter = {}, std::size_t most = 1000) {
  return Site::ask<Rows>(
             [&](Reply<Rows> reply) { return site.server->list(filter, most, std::move(reply)); })
      .value();
}

std::size_t end(Site& site, const SessionFilter& filter) {
  return Site::ask<std::size_t>([&](Reply<std::size_t> reply) {
           return site.server->end(filter, Check::shutting_down,
                                   mqtt::ReasonCode::administrative_action, std::move(reply));
         })
      .value();
}

Statuses status(Site& site) {
  return Site::ask<Statuses>(
             [&](Reply<Statuses> reply) { return site.server->status(std::move(reply)); })
      .value();
}

SessionFilter named(std::string client_id) {
  SessionFilter filter;
  filter.client_id = std::move(client_id);
  return filter;
}
SessionFilter user(std::string name) {
  SessionFilter filter;
  filter.username = std::move(name);
  return filter;
}

Identity somebody() {
  Identity who;
  who.listener = "devices";
  who.address = "192.0.2.7";
  who.client_id = "c1";
  who.username = "u1";
  Certificate certificate;
  certificate.common_name = "cn1";
  certificate.serial = "0a";
  certificate.fingerprint = "ff00";
  who.certificate = std::make_shared<const Certificate>(certificate);
  return who;
}

/// The longest run of `letter` without a `between`.
std::size_t longest_run(std::string_view written, char letter, char between) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : written) {
    if (c == between) run = 0;
    if (c == letter) longest = std::max(longest, ++run);
  }
  return longest;
}

constexpr std::uint32_t kSlice = 5;
constexpr std::size_t kSessions = 40;

/// A client that floods, and behind it many sessions that do nothing. The flood has a part in every
/// round of the loop, and so shows where one ends.
struct Crowd {
  Crowd() : site({.turn = {.packets = 10, .sessions = kSlice}, .events = &record}) {
    pairs.push_back(site.session({.client_id = "flood"}));
    for (std::size_t i = 1; i < kSessions; ++i) pairs.push_back(site.session());
    record.hold('M');
    pairs[0].client.send(refused);
    record.wait_held();
    std::string flood;
    while (flood.size() < 50'000) flood += refused;
    pairs[0].client.send(flood);
  }
  const std::string refused = wire::publish({.topic = "no", .payload = "x"});
  Record record;
  Site site;
  std::vector<Site::Pair> pairs;
};

}  // namespace

TEST_CASE("commands: a filter asks for all that is set, and for nothing else") {
  const Identity who = somebody();
  Identity bare;
  bare.listener = "devices";
  bare.address = "192.0.2.7";
  bare.client_id = "c1";
  CHECK(SessionFilter{}.fits(1, bare));
  struct Case {
    void (*set)(SessionFilter&, bool right);
    bool bare;  // does the right value fit who has neither name nor certificate?
  };
  const auto network = [](const char* text) { return policy::parse_network(text).value(); };
  static const AddressPrefix inside = network("192.0.2.0/24");
  static const AddressPrefix outside = network("192.0.3.0/24");
  const std::vector<Case> cases = {
      {[](SessionFilter& f, bool right) { f.id = right ? 7 : 8; }, true},
      {[](SessionFilter& f, bool right) { f.listener = right ? "devices" : "device"; }, true},
      {[](SessionFilter& f, bool right) { f.address = right ? inside : outside; }, true},
      {[](SessionFilter& f, bool right) { f.client_id = right ? "c1" : "c2"; }, true},
      {[](SessionFilter& f, bool right) { f.username = right ? "u1" : ""; }, false},
      {[](SessionFilter& f, bool right) { f.cert_cn = right ? "cn1" : "cn"; }, false},
      {[](SessionFilter& f, bool right) { f.cert_serial = right ? "0a" : "0A"; }, false},
      {[](SessionFilter& f, bool right) { f.cert_fingerprint = right ? "ff00" : "ff"; }, false},
  };
  SessionFilter all;
  for (const Case& each : cases) {
    CAPTURE(&each - cases.data());
    SessionFilter one;
    each.set(one, true);
    CHECK(one.fits(7, who));
    CHECK(one.fits(7, bare) == each.bare);
    each.set(one, false);
    CHECK_FALSE(one.fits(7, who));
    CHECK_FALSE(one.fits(7, bare));
    each.set(all, true);
  }
  CHECK(all.fits(7, who));
  // Each counts, whatever the others say.
  for (const Case& each : cases) {
    SessionFilter but_one = all;
    each.set(but_one, false);
    CHECK_FALSE(but_one.fits(7, who));
  }
}

TEST_CASE("commands: sessions of all workers are listed, ended and counted") {
  Site site({.workers = 2});
  std::vector<Site::Pair> pairs;
  for (int i = 0; i < 10; ++i) {
    pairs.push_back(site.session({.client_id = "c" + std::to_string(i), .username = "u"}));
  }
  const Peer silent = site.connect();
  site.log.wait("accept", 11);

  const Rows rows = list(site);
  CHECK(rows.size() == 11);
  std::set<std::uint64_t> ids;
  std::set<std::string> names;
  for (const SessionRow& row : rows) {
    ids.insert(row.id);
    names.insert(row.identity.client_id);
    CHECK(row.identity.listener == "devices");
    CHECK(row.identity.address == "127.0.0.1");
    CHECK(row.since.time_since_epoch().count() > 0);
    // CONNECT and CONNACK, or nothing yet.
    const std::uint64_t each = row.identity.client_id.empty() ? 0 : 1;
    CHECK(row.tally.packets[Side::client] == each);
    CHECK(row.tally.packets[Side::broker] == each);
    CHECK(row.queue[Side::client] == 0);
  }
  CHECK(ids.size() == 11);
  CHECK(names.size() == 11);
  CHECK(list(site, {}, 3).size() == 3);
  SessionFilter by_id;
  by_id.id = rows[0].id;
  SessionFilter by_network;
  by_network.address = policy::parse_network("10.0.0.0/8").value();
  CHECK(list(site, named("c3")).size() == 1);
  CHECK(list(site, user("u")).size() == 10);
  CHECK(list(site, by_id).size() == 1);
  CHECK(list(site, by_network).empty());

  const Statuses before = status(site);
  REQUIRE(before.size() == 2);
  CHECK(before[0].worker + before[1].worker == 1);
  CHECK(before[0].sessions + before[1].sessions == 11);
  CHECK(before[0].connections + before[1].connections == 11);

  CHECK(end(site, named("nobody")) == 0);
  CHECK(end(site, named("c3")) == 1);
  CHECK(pairs[3].client.gets_end());
  // The broker publishes a Will, as for any client that did not say DISCONNECT.
  CHECK(pairs[3].broker.gets_end());
  site.log.wait("refusal connection.shutting-down");
  CHECK(end(site, user("u")) == 9);
  CHECK(list(site).size() == 1);
}

TEST_CASE("commands: so many questions wait and no more, and the end answers those that do") {
  Record record;
  Site site({.events = &record});
  auto [client, broker] = site.session();
  record.hold();
  client.send(wire::pingreq());
  record.wait_held();
  const auto loop = std::move(net::Loop::make().value());
  net::Inbox inbox;
  REQUIRE(inbox.open(*loop) == 0);
  const std::uint32_t most = site.snapshot().questions;
  std::uint32_t answers = 0;
  const auto ask = [&] {
    return site.server->status({&inbox, [&](const Statuses&) {
                                  if (++answers == most) inbox.close();
                                }});
  };
  for (std::uint32_t i = 0; i < most; ++i) CHECK(ask());
  CHECK_FALSE(ask());
  SUBCASE("the worker goes on") {}
  SUBCASE("the worker ends") { site.server->drain(Duration::zero()); }
  record.go_on();
  loop->run();
  CHECK(answers == most);
  CHECK(Site::ask<Statuses>([&](Reply<Statuses> reply) {
          return site.server->status(std::move(reply));
        }).has_value());
}

TEST_CASE("commands: who has ended is asked in vain, but not for ever") {
  Site site({.workers = 2});
  site.server->drain(Duration::zero());
  site.wait_stopped();
  CHECK(status(site).empty());
  CHECK(list(site).empty());
  CHECK(end(site, {}) == 0);
}

TEST_CASE("sweep: a reload judges a few sessions between two polls, and reaches all") {
  Crowd crowd;
  Snapshot next = crowd.site.snapshot();
  next.policy = policy_of_only("flood");
  CHECK(crowd.site.server->reload(std::make_shared<Snapshot>(next)).empty());
  crowd.record.go_on();
  const std::string written = crowd.record.until('e', kSessions - 1);
  // The flood and the sweep each have one turn in a round.
  CHECK(longest_run(written, 'e', 'M') <= 2 * kSlice);
}

TEST_CASE("sweep: a drain says goodbye to a few sessions between two polls") {
  Crowd crowd;
  char letter = 'e';
  SUBCASE("politely") { crowd.site.server->drain(std::chrono::seconds(60)); }
  SUBCASE("at once") {
    crowd.site.server->drain(Duration::zero());
    letter = 'c';
  }
  crowd.record.go_on();
  const std::string written = crowd.record.until(letter, kSessions - 1);
  CHECK(longest_run(written, letter, 'M') <= 2 * kSlice);
}

TEST_CASE("sweep: CONNECT is judged by the newest policy, before the sweep has come to it") {
  Record record;
  Site site({.turn = {.sessions = 1}, .events = &record});
  Peer late = site.connect();  // the first, to which a sweep comes last
  std::vector<Site::Pair> pairs;
  for (std::size_t i = 0; i < kSessions; ++i) pairs.push_back(site.session());
  record.hold('e');
  Snapshot next = site.snapshot();
  next.policy = policy_of_only("nobody");
  CHECK(site.server->reload(std::make_shared<Snapshot>(next)).empty());
  record.wait_held();
  late.send(wire::connect());
  record.go_on();
  const std::string answer = late.receive(4);
  CHECK(answer.substr(0, 1) == "\x20");
  CHECK(answer != wire::connack(wire::v3_1_1));
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("sweep: of many reloads the last one reaches everybody") {
  Site site({.turn = {.sessions = 1}});
  std::vector<Site::Pair> pairs;
  for (std::size_t i = 0; i < 10; ++i) pairs.push_back(site.session());
  Snapshot next = site.snapshot();
  for (int i = 0; i < 50; ++i) {
    next.policy = policy_for({"v" + std::to_string(i) + "/#"});
    CHECK(site.server->reload(std::make_shared<Snapshot>(next)).empty());
  }
  next.policy = policy_for({"u/#"});
  CHECK(site.reload(next) >= 10);
  const std::string allowed = wire::publish({.topic = "u/x", .payload = "x"});
  for (auto& [client, broker] : pairs) {
    client.send(wire::publish({.topic = "t/x", .payload = "x"}) + allowed);
    CHECK(broker.receive(allowed.size()) == allowed);
  }
}

TEST_CASE("sweep: sessions that come and go meanwhile") {
  Site site({.turn = {.sessions = 1}});
  std::list<Site::Pair> pairs;
  for (std::size_t i = 0; i < 20; ++i) pairs.push_back(site.session());
  Snapshot next = site.snapshot();
  next.policy = policy_for({"u/#"});
  CHECK(site.server->reload(std::make_shared<Snapshot>(next)).empty());
  for (std::ptrdiff_t i = 0; i < 10; ++i) {
    pairs.erase(std::next(pairs.begin(), i));
    pairs.push_back(site.session());
  }
  (void)site.reload(next);
  const std::string allowed = wire::publish({.topic = "u/x", .payload = "x"});
  for (auto& [client, broker] : pairs) {
    client.send(wire::publish({.topic = "t/x", .payload = "x"}) + allowed);
    CHECK(broker.receive(allowed.size()) == allowed);
  }
}
