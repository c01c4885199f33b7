// CONNECT: what is let through, what is not, and in which words it is refused.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::text;
using wire::u16;
using wire::u8;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

/// CONNECT by hand: a protocol name, a level, flags and what stands behind the keep-alive.
std::string raw(std::string_view name, unsigned level, unsigned flags, std::string_view rest) {
  return wire::packet(0x10, text(name) + u8(level) + u8(flags) + u16(60) + std::string(rest));
}

const std::string kBare;  // the connection closes without a word
std::string code_3(unsigned code) { return wire::connack(v3_1_1, code); }
std::string code_5(unsigned code) { return wire::connack(v5, code); }

struct ConnectRow {
  const char* ids;
  std::string first;  // packet of the connection
  std::string answer;
};

/// Refused before anybody was asked: nothing behind it is looked at, and nobody is dialled.
void check_connect_refused(const ConnectRow& row, policy::PolicySpec spec = everything()) {
  CAPTURE(std::string(row.ids));
  Conversation talk(std::move(spec));
  talk.client_sends(row.first + wire::pingreq() + wire::publish({.topic = "t"}));
  CHECK(talk.closed());
  CHECK_FALSE(talk.dialled());
  CHECK(talk.client_gets() == row.answer);
  CHECK(talk.broker_gets().empty());
  CHECK(talk.events.refusals.size() == 1);
  CHECK(talk.events.packets[Side::client].size() == 1);
  // The same when it comes in pieces.
  Conversation slow(everything());
  slow.client_sends_bytewise(row.first);
  if (talk.events.end_kind == CloseKind::malformed) CHECK(slow.client_gets() == row.answer);
}

void check_let_through(const char* ids, const std::string& connect, Bounds bounds = {}) {
  CAPTURE(std::string(ids));
  Conversation talk(everything(), bounds);
  talk.client_sends(connect);
  REQUIRE(talk.dialled());
  talk.broker_accepts();
  CHECK(talk.broker_gets() == connect);
  CHECK(talk.client_gets().empty());
}

}  // namespace

TEST_CASE("a CONNECT that cannot be accepted is answered in the words of its version, or not") {
  const ConnectRow rows[] = {
      // Versions.
      {"[MQTT-3.1.2-2 (3.1.1)]", raw("MQTT", 2, 2, text("c")), code_3(1)},
      {"[MQTT-3.1.2-2 (3.1.1)]", raw("MQTT", 3, 2, text("c")), code_3(1)},
      {"[MQTT-3.1.2-2 (3.1.1)] of 3.1", raw("MQIsdp", 4, 2, text("c")), code_3(1)},
      {"[MQTT-3.1.2-2 (3.1.1)] a bridge", raw("MQTT", 0x84, 2, text("c")), code_3(1)},
      {"[MQTT-3.1.2-2 (3.1.1)] a bridge of 3.1", raw("MQIsdp", 0x83, 2, text("c")), code_3(1)},
      {"[MQTT-3.1.2-2 (5.0)]", raw("MQTT", 6, 2, u8(0) + text("c")), code_5(0x84)},
      {"[MQTT-3.1.2-2 (5.0)]", raw("MQTT", 0x7F, 2, u8(0) + text("c")), code_5(0x84)},
      {"[MQTT-3.1.2-1 (3.1.1)] [MQTT-3.1.2-1 (5.0)]", raw("MQTX", 4, 2, text("c")), kBare},
      {"[MQTT-3.1.2-1 (3.1.1)] [MQTT-3.1.2-1 (5.0)]", raw("mqtt", 5, 2, u8(0) + text("c")), kBare},
      // Client identifiers: 3.x has a return code for those.
      {"[MQTT-3.1.3-7 (3.1.1)] [MQTT-3.1.3-8 (3.1.1)]",
       wire::connect({.client_id = "", .clean = false}), code_3(2)},
      {"empty in 3.1", wire::connect({.level = v3_1, .client_id = ""}), code_3(2)},
      {"[MQTT-3.1.3-9 (3.1.1)]", wire::connect({.client_id = std::string(129, 'c')}), code_3(2)},
      {"[MQTT-3.1.3-8 (5.0)]", wire::connect({.level = v5, .client_id = std::string(129, 'c')}),
       code_5(0x85)},
      // Everything else: a bare close in 3.x, what 5.0 has for it there.
      {"[MQTT-3.1.2-3]", raw("MQTT", 4, 3, text("c")), kBare},
      {"[MQTT-3.1.2-3]", raw("MQTT", 5, 3, u8(0) + text("c")), code_5(0x81)},
      {"[MQTT-3.1.2-22 (3.1.1)]", raw("MQTT", 4, 0x42, text("c") + text("p")), kBare},
      {"[MQTT-3.1.2-14 (3.1.1)]", raw("MQTT", 4, 0x1E, text("c") + text("w") + text("")), kBare},
      {"[MQTT-3.1.2-12 (5.0)]",
       raw("MQTT", 5, 0x1E, u8(0) + text("c") + u8(0) + text("w") + text("")), code_5(0x81)},
      {"[MQTT-3.1.2-11 (3.1.1)] [MQTT-3.1.2-13 (3.1.1)]", raw("MQTT", 4, 0x0A, text("c")), kBare},
      {"[MQTT-3.1.2-11 (5.0)]", raw("MQTT", 5, 0x0A, u8(0) + text("c")), code_5(0x82)},
      {"[MQTT-3.1.2-15 (3.1.1)]", raw("MQTT", 4, 0x22, text("c")), kBare},
      {"[MQTT-3.1.2-13 (5.0)]", raw("MQTT", 5, 0x22, u8(0) + text("c")), code_5(0x82)},
      {"[MQTT-3.1.2-9]", raw("MQTT", 4, 0x06, text("c")), kBare},
      {"[MQTT-3.1.2-9]", raw("MQTT", 5, 0x06, u8(0) + text("c")), code_5(0x81)},
      {"[MQTT-3.1.2-19 (3.1.1)]", raw("MQTT", 4, 0x82, text("c")), kBare},
      {"[MQTT-3.1.2-17 (5.0)]", raw("MQTT", 5, 0x82, u8(0) + text("c")), code_5(0x81)},
      {"[MQTT-3.1.2-18 (3.1.1)]", raw("MQTT", 4, 2, text("c") + text("u")), kBare},
      {"[MQTT-3.1.2-16 (5.0)]", raw("MQTT", 5, 2, u8(0) + text("c") + text("u")), code_5(0x81)},
      {"[MQTT-3.1.2-21 (3.1.1)]", raw("MQTT", 4, 0xC2, text("c") + text("u")), kBare},
      {"[MQTT-3.1.2-19 (5.0)]", raw("MQTT", 5, 0x42, u8(0) + text("c")), code_5(0x81)},
      {"[MQTT-3.1.2-20 (3.1.1)]", raw("MQTT", 4, 0x82, text("c") + text("u") + text("p")), kBare},
      {"[MQTT-3.1.2-18 (5.0)]", raw("MQTT", 5, 0x82, u8(0) + text("c") + text("u") + text("p")),
       code_5(0x81)},
      {"[MQTT-3.1.3-3]", raw("MQTT", 4, 2, u16(5)), kBare},
      {"[MQTT-3.1.3-3]", raw("MQTT", 5, 2, u8(0) + u16(5)), code_5(0x81)},
      {"[MQTT-3.1.3-4] [MQTT-3.1.4-1 (3.1.1)] [MQTT-3.2.2-6 (3.1.1)]",
       wire::connect({.client_id = "\xFF"}), kBare},
      {"[MQTT-3.1.3-4] [MQTT-3.1.4-1 (5.0)]", wire::connect({.level = v5, .client_id = "\xFF"}),
       code_5(0x81)},
      {"[MQTT-3.1.3-10 (3.1.1)]", wire::connect({.will_topic = "\xFF"}), kBare},
      {"[MQTT-3.1.3-11 (5.0)]", wire::connect({.level = v5, .will_topic = "\xFF"}), code_5(0x81)},
      {"[MQTT-3.1.3-11 (3.1.1)]", wire::connect({.username = "\xFF"}), kBare},
      {"[MQTT-3.1.3-12]", wire::connect({.level = v5, .username = "\xFF"}), code_5(0x81)},
      {"3.1.2.11.2 twice",
       wire::connect(
           {.level = v5, .properties = wire::session_expiry(1) + wire::session_expiry(1)}),
       code_5(0x82)},
      // No CONNECT at all: there is nobody to answer.
      {"[MQTT-3.1.0-1]", wire::pingreq(), kBare},
      {"[MQTT-3.1.0-1]", wire::publish({.level = v5, .topic = "t"}), kBare},
      {"[MQTT-3.1.0-1]", wire::disconnect(), kBare},
  };
  for (const ConnectRow& row : rows) check_connect_refused(row);
}

TEST_CASE(
    "[MQTT-3.1.4-5 (3.1.1)] [MQTT-3.1.4-6] [MQTT-3.1.4-2 (5.0)] [MQTT-3.2.2-7] "
    "[MQTT-3.2.2-5 (3.1.1)] what the policy refuses is told, and nothing more is looked at") {
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].match["username"] = {"nobody"};
  check_connect_refused({"3.1", wire::connect({.level = v3_1}), code_3(5)}, spec);
  check_connect_refused({"3.1.1", wire::connect(), code_3(5)}, spec);
  check_connect_refused({"5.0", wire::connect({.level = v5}), code_5(0x87)}, spec);
  check_connect_refused(
      {"Will", wire::connect({.level = v5, .will_topic = "up/secret/x"}), code_5(0x87)},
      up_and_down());
}

TEST_CASE("[MQTT-3.1.0-2] a second CONNECT, before and after the first is accepted") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    const std::string connect = wire::connect({.level = level});
    Conversation early(everything());
    early.client_sends(connect + connect);
    early.broker_accepts();
    CHECK(early.closed());
    CHECK(early.broker_gets() == connect);
    CHECK(early.client_gets() == (level == v5 ? code_5(0x82) : kBare));

    Conversation late(everything());
    late.open({.level = level});
    late.client_sends(connect);
    CHECK(late.closed());
    CHECK(late.broker_gets().empty());
    CHECK(late.client_gets() == (level == v5 ? wire::disconnect(0x82) : kBare));
  }
}

TEST_CASE("strict is not petty: what CONNECT may hold though it means nothing here") {
  // 3.1 gives the lowest flag no meaning, and the Will's none without a Will.
  for (const unsigned flags : {0x03U, 0x0AU, 0x22U, 0x3BU}) {
    check_let_through("unused bits of 3.1", raw("MQIsdp", 3, flags, text("c")));
  }
  check_let_through("[MQTT-3.1.3-5]", wire::connect({.client_id = "0123456789abcdefghijklm"}));
  check_let_through("[MQTT-3.1.3-5]",
                    wire::connect({.level = v5, .client_id = "nopqrstuvwxyzABCDEFGHIJ"}));
  check_let_through("[MQTT-3.1.3-5]",
                    wire::connect({.level = v3_1, .client_id = "KLMNOPQRSTUVWXYZ"}));
  check_let_through("longer than the 23 characters of 3.1",
                    wire::connect({.level = v3_1, .client_id = std::string(60, 'c')}));
  check_let_through("[MQTT-3.1.3-6 (3.1.1)]", wire::connect({.client_id = ""}));
  check_let_through("[MQTT-3.1.3-6 (5.0)]", wire::connect({.level = v5, .client_id = ""}));
  check_let_through("[MQTT-3.1.3-6 (5.0)] with a session",
                    wire::connect({.level = v5, .client_id = "", .clean = false}));
  check_let_through("a password alone, in 5.0",
                    raw("MQTT", 5, 0x42, u8(0) + text("c") + text("p")));

  Bounds bridges;
  bridges.bridges = true;
  check_let_through("bridge of 3.1", raw("MQIsdp", 0x83, 2, text("c")), bridges);
  check_let_through("bridge of 3.1.1", raw("MQTT", 0x84, 2, text("c")), bridges);
  Conversation no_such_bridge(everything(), bridges);
  no_such_bridge.client_sends(raw("MQTT", 0x85, 2, u8(0) + text("c")));
  CHECK(no_such_bridge.client_gets() == code_5(0x84));
}

TEST_CASE("strict is not petty: control characters are the listener's choice, U+0000 nobody's") {
  Bounds pass;
  pass.refuse_control_characters = false;
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    for (const char* discouraged : {"a\x01", "a\x1F", "a\x7F", "a\xC2\x85", "a\xEF\xBF\xBE"}) {
      const std::string connect = wire::connect({.level = level, .client_id = discouraged});
      check_connect_refused({"by default", connect, level == v5 ? code_5(0x81) : kBare});
      check_let_through("where the listener passes them", connect, pass);

      Conversation talk(everything(), pass);
      talk.open({.level = level});
      const std::string publish = wire::publish({.level = level, .topic = discouraged});
      talk.client_sends(publish);
      CHECK(talk.broker_gets() == publish);
    }
    Conversation nul(everything(), pass);
    nul.client_sends(wire::connect({.level = level, .client_id = std::string("a\0", 2)}));
    CHECK(nul.closed());
    CHECK_FALSE(nul.dialled());
  }
}

TEST_CASE("[MQTT-3.1.3-1] [MQTT-3.1.3-10 (5.0)] a CONNECT that is rewritten keeps its order") {
  wire::Connect c{.level = v5,
                  .properties = wire::topic_alias_maximum(9999) + user_property("z", "1") +
                                user_property("a", "2"),
                  .will_topic = "w",
                  .will_properties =
                      user_property("z", "1") + user_property("a", "2") + user_property("z", "0"),
                  .username = "user",
                  .password = "secret"};
  Conversation talk(everything());
  talk.client_sends(wire::connect(c));
  talk.broker_accepts();
  c.properties.replace(0, 3, wire::topic_alias_maximum(Bounds{}.max_topic_aliases));
  CHECK(talk.broker_gets() == wire::connect(c));
  CHECK(talk.events.rewrites == std::vector{Rewrite::connect});
}
