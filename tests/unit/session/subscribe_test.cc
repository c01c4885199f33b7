#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1_1;
using wire::v5;

TEST_CASE("an allowed SUBSCRIBE and its SUBACK pass byte for byte") {
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    const std::string subscribe = wire::subscribe(level, 5, {{"down/a", 1}, {"down/+/b", 2}});
    talk.client_sends(subscribe);
    CHECK(talk.broker_gets() == subscribe);
    talk.broker_sends(wire::suback(level, 5, {1, 2}));
    CHECK(talk.client_gets() == wire::suback(level, 5, {1, 2}));
    const std::string unsubscribe = wire::unsubscribe(level, 6, {"down/a", "anything"});
    talk.client_sends(unsubscribe);
    CHECK(talk.broker_gets() == unsubscribe);
    CHECK(talk.events.rewrites.empty());
  }
}

TEST_CASE("trap: refused filters are taken out, their codes put back in place") {
  for (const wire::Level level : {v3_1_1, v5}) {
    const unsigned no = level == v5 ? 0x87 : 0x80;
    const std::string id = level == v5 ? wire::u8(0x0B) + wire::u8(9) : "";
    Conversation talk(up_and_down());
    talk.open({.level = level});
    talk.client_sends(wire::subscribe(
        level, 5, {{"no", 0}, {"down/a", 1}, {"down/secret/#", 0}, {"down/b", 2}, {"#", 0}}, id));
    CHECK(talk.broker_gets() == wire::subscribe(level, 5, {{"down/a", 1}, {"down/b", 2}}, id));
    talk.broker_sends(wire::suback(level, 5, {1, 0x80}));
    CHECK(talk.client_gets() == wire::suback(level, 5, {no, 1, no, 0x80, no}));
    CHECK(talk.events.rewrites == std::vector{Rewrite::subscribe, Rewrite::suback});
    // Answered once: the identifier is free again.
    talk.broker_sends(wire::suback(level, 5, {1}));
    CHECK(talk.client_gets() == wire::suback(level, 5, {1}));
  }
}

TEST_CASE("all refused: answered here") {
  for (const wire::Level level : {v3_1_1, v5}) {
    const unsigned no = level == v5 ? 0x87 : 0x80;
    Conversation talk(up_and_down());
    talk.open({.level = level});
    talk.client_sends(wire::subscribe(level, 5, {{"no", 0}, {"up/a", 1}}));
    CHECK(talk.broker_gets().empty());
    CHECK(talk.client_gets() == wire::suback(level, 5, {no, no}));
    CHECK(talk.events.refusals.size() == 2);
  }
}

TEST_CASE("deny below a wider subscription holds at delivery") {
  Conversation talk(up_and_down());
  talk.open();
  const std::string subscribe = wire::subscribe(v3_1_1, 5, {{"down/#", 0}});
  talk.client_sends(subscribe);
  CHECK(talk.broker_gets() == subscribe);
  talk.broker_sends(wire::publish({.topic = "down/secret/key"}) +
                    wire::publish({.topic = "down/open"}));
  CHECK(talk.client_gets() == wire::publish({.topic = "down/open"}));
}

TEST_CASE("a shared subscription is checked on its filter") {
  Conversation talk(up_and_down());
  talk.open({.level = v5});
  const std::string good = wire::subscribe(v5, 1, {{"$share/group/down/a", 0}});
  talk.client_sends(good);
  CHECK(talk.broker_gets() == good);
  talk.client_sends(wire::subscribe(v5, 2, {{"$share/group/no", 0}}));
  CHECK(talk.broker_gets().empty());
  talk.client_sends(wire::subscribe(v5, 3, {{"$share/ab", 0}}));  // CVE-2025-68699
  CHECK(talk.closed());
  CHECK(talk.events.refusals.back().name == "mqtt.share-name");
}

TEST_CASE("SUBSCRIBEs that wait for their SUBACK are bounded") {
  Bounds bounds;
  bounds.max_requests = 3;
  Conversation talk(up_and_down(), bounds);
  talk.open({.level = v5});
  for (unsigned id = 1; id <= 3; ++id) {
    talk.client_sends(wire::subscribe(v5, id, {{"no", 0}, {"down/a", 0}}));
  }
  (void)talk.broker_gets();
  talk.client_sends(wire::subscribe(v5, 4, {{"no", 0}, {"down/a", 0}}));
  CHECK(talk.broker_gets().empty());
  CHECK(talk.client_gets() == wire::suback(v5, 4, {0x97, 0x97}));
  CHECK(talk.events.refusals.back().name == "mqtt.requests-in-flight");
  talk.client_sends(wire::subscribe(v5, 2, {{"down/a", 0}}));
  CHECK(talk.client_gets() == wire::disconnect(0x82));
}

TEST_CASE("on_deny = disconnect for 3.x, whose devices ignore a refused SUBACK") {
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].on_deny = {Action::disconnect, Action::drop};
  Conversation old(spec);
  old.open();
  old.client_sends(wire::subscribe(v3_1_1, 5, {{"no", 0}}));
  CHECK(old.closed());
  Conversation five(spec);
  five.open({.level = v5});
  five.client_sends(wire::subscribe(v5, 5, {{"no", 0}}));
  CHECK_FALSE(five.closed());
}
