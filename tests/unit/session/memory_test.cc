// What a session owns between calls: tables that its client asked for, and nothing else.

#include <doctest/doctest.h>

#include "conversation.h"
#include "session/answer_clock.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1_1;
using wire::v5;

namespace {

struct Reply {
  const char* what;
  wire::Level level;
  Side from;
  std::string bytes;   // what makes the gateway reply
  std::string answer;  // to the same side
};

}  // namespace

TEST_CASE("a session that is open and idle is smaller than it was, and owns nothing else") {
  // 1,104 before the parts that only CONNECT needs were freed. With what came since: what the
  // authenticator says, and the tally. What is counted of a session takes room, too.
  CHECK(Session::object_size() - sizeof(Session) < 1104 + sizeof(Seat) + sizeof(AnswerClock));
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.client_sends(wire::connect({.level = level, .username = "u", .password = "secret"}));
    CHECK(talk.memory() > 20);  // CONNECT, until the broker is there
    talk.broker_accepts();
    talk.broker_sends(wire::connack(level));
    CHECK(talk.events.begun == 1);
    CHECK(talk.memory() == 0);
  }
}

TEST_CASE("no reply of the gateway's own leaves memory behind") {
  const std::vector<Reply> replies = {
      {"PUBACK", v3_1_1, Side::client, wire::publish({.topic = "no", .qos = 1, .packet_id = 5}),
       wire::puback(5)},
      {"PUBACK", v5, Side::client,
       wire::publish({.level = v5, .topic = "no", .qos = 1, .packet_id = 5}),
       wire::ack(4, 5, 0x87)},
      {"PUBREC", v5, Side::client,
       wire::publish({.level = v5, .topic = "no", .qos = 2, .packet_id = 5}),
       wire::ack(5, 5, 0x87)},
      {"SUBACK", v3_1_1, Side::client, wire::subscribe(v3_1_1, 5, {{"no", 0}}),
       wire::suback(v3_1_1, 5, {0x80})},
      {"SUBACK", v5, Side::client, wire::subscribe(v5, 5, {{"no", 0}}),
       wire::suback(v5, 5, {0x87})},
      {"PUBACK for the client", v5, Side::broker,
       wire::publish({.level = v5, .topic = "down/secret/x", .qos = 1, .packet_id = 5}),
       wire::puback(5)},
  };
  for (const Reply& reply : replies) {
    CAPTURE(reply.what);
    CAPTURE(static_cast<int>(reply.level));
    Conversation talk(up_and_down());
    talk.open({.level = reply.level});
    const auto send = [&] {
      reply.from == Side::client ? talk.client_sends(reply.bytes) : talk.broker_sends(reply.bytes);
      const std::string to_client = talk.client_gets();
      const std::string to_broker = talk.broker_gets();
      CHECK((reply.from == Side::client ? to_client : to_broker) == reply.answer);
    };
    send();  // the first one fills tables: remembered verdicts, the window of deliveries
    const std::size_t before = talk.memory();
    for (int i = 0; i < 3; ++i) send();
    CHECK(talk.memory() == before);
  }
}

TEST_CASE("a refused QoS 1 PUBLISH costs a remembered verdict and not a byte more") {
  Conversation passes(everybody({allow("up", {"#"})}));
  Conversation refused(everybody({allow("up", {"up"})}));
  for (Conversation* talk : {&passes, &refused}) {
    talk->open();
    CHECK(talk->memory() == 0);
    talk->client_sends(wire::publish({.topic = "no", .qos = 1}));
  }
  CHECK(refused.client_gets() == wire::puback(1));
  CHECK(refused.memory() == passes.memory());
}

TEST_CASE("PUBCOMP, PINGRESP and PINGREQ of the gateway's own leave nothing behind") {
  policy::PolicySpec spec = up_and_down();
  policy::RateSpec rate;
  rate.messages = Rate{1, std::chrono::hours(1)};
  rate.on_exceed = Action::drop;
  spec.roles[0].limits = rate;
  Conversation talk(spec);
  talk.open({.keep_alive = 10});
  talk.client_sends(wire::pingreq());  // uses up the limit
  (void)talk.broker_gets();
  const std::size_t before = talk.memory();
  for (int i = 0; i < 4; ++i) {
    talk.client_sends(wire::pingreq());
    CHECK(talk.client_gets() == wire::pingresp());
    talk.pass(std::chrono::seconds(9));
  }
  CHECK(talk.broker_gets().starts_with(wire::pingreq()));  // in the client's place
  CHECK(talk.memory() == before);

  Conversation exchange(up_and_down());
  exchange.open();
  exchange.client_sends(wire::publish({.topic = "no", .qos = 2, .packet_id = 5}));
  exchange.client_sends(wire::pubrel(5));
  (void)exchange.client_gets();
  const std::size_t with_tables = exchange.memory();
  exchange.client_sends(wire::pubrel(5));
  CHECK(exchange.client_gets() == wire::pubcomp(5));
  CHECK(exchange.memory() == with_tables);
}

TEST_CASE("what is rewritten leaves nothing behind") {
  Conversation talk(up_and_down());
  talk.open({.level = v5, .properties = wire::topic_alias_maximum(100)},
            wire::topic_alias_maximum(100));  // CONNECT and CONNACK were
  CHECK(talk.memory() == 0);
}
