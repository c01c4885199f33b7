#include "observe/audit_record.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support.h"

namespace sallyport::observe {

namespace {

using Json = nlohmann::json;
using Event = AuditEvent;
Json parsed(const AuditRecord& record) {
  const std::string line = testing::line_of(record);
  CHECK(line.back() == '\n');
  CHECK(line.find('\n') == line.size() - 1);
  return Json::parse(line);
}

Json refusal_line(const Identity& who, const Refusal& refusal) {
  AuditRecord record(Event::refusal, testing::kWhen,
                     {.session = 5, .identity = who, .version = mqtt::Version::v5});
  record.set_refusal(refusal);
  return parsed(record);
}

}  // namespace

TEST_CASE("time is RFC 3339 in UTC with milliseconds") {
  CHECK(to_rfc3339(testing::kWhen) == "2025-12-31T23:59:59.987Z");
  CHECK(to_rfc3339(AuditRecord::Time{}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(AuditRecord::Time{std::chrono::milliseconds(5)}) == "1970-01-01T00:00:00.005Z");
  CHECK(to_rfc3339(AuditRecord::Time{std::chrono::milliseconds(-1)}) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("a refusal says who, what and why") {
  const Identity who = testing::sensor();
  const Json line = refusal_line(who, testing::refusal_by("no-secrets"));
  CHECK(line == Json::parse(R"({
    "time": "2025-12-31T23:59:59.987Z", "schema": 1, "event": "refusal", "instance": "gw-1", "session": 5,
    "listener": "devices", "address": "192.0.2.7", "client_id": "sensor-1", "username": "someone",
    "certificate": {"cn": "sensor-1", "serial": "0a1b", "fingerprint": "f00d"},
    "version": "5.0", "phase": "open", "from": "client", "packet": "PUBLISH", "topic": "plant/1/secret",
    "action": "drop", "rule": "no-secrets", "reason": {"code": 135, "text": "not_authorized"}})"));
}

TEST_CASE("every action is told, and a check is not called a rule") {
  const Identity who = testing::sensor();
  for (const Action action : {Action::drop, Action::disconnect, Action::report}) {
    Refusal refusal = testing::refusal_by("mqtt.utf8", false);
    refusal.action = action;
    const Json line = refusal_line(who, refusal);
    CHECK(line["action"] == to_string(action));
    CHECK(line["check"] == "mqtt.utf8");
    CHECK_FALSE(line.contains("rule"));
  }
}

TEST_CASE("what is not known is left out") {
  Identity who = testing::sensor();
  who.certificate = nullptr;
  who.username.reset();
  Refusal refusal = testing::refusal_by("policy.no-role", false);
  refusal.topic = {};
  const Json line = refusal_line(who, refusal);
  CHECK_FALSE(line.contains("certificate"));
  CHECK_FALSE(line.contains("username"));
  CHECK_FALSE(line.contains("topic"));
  CHECK_FALSE(line.contains("truncated"));
}

TEST_CASE("a certificate that was not accepted is told apart from an identity") {
  Identity who = testing::sensor();
  who.certificate = nullptr;
  const Certificate shown{"sensor-9", "0bad", {}, {}, "beef"};
  Refusal refusal = testing::refusal_by("tls.certificate-expired", false);
  CHECK_FALSE(refusal_line(who, refusal).contains("unverified_certificate"));
  refusal.shown = &shown;
  const Json line = refusal_line(who, refusal);
  CHECK(line["unverified_certificate"] == Json::parse(R"({"cn": "sensor-9", "serial": "0bad"})"));
  CHECK_FALSE(line.contains("certificate"));
}

TEST_CASE("an empty username is not the same as none") {
  Identity who = testing::sensor();
  who.username = "";
  CHECK(refusal_line(who, testing::refusal_by("r"))["username"] == "");
}

TEST_CASE("begin and end of a session") {
  const Identity who = testing::sensor();
  const Who info{.session = 9, .identity = who, .version = mqtt::Version::v3_1_1};
  const Json begin = parsed(AuditRecord(Event::session_begin, testing::kWhen, info));
  CHECK(begin["event"] == "session_begin");
  CHECK(begin["session"] == 9);
  CHECK(begin["version"] == "3.1.1");
  CHECK_FALSE(begin.contains("kind"));

  AuditRecord record(Event::session_end, testing::kWhen, info);
  record.set_end({.side = Side::broker, .kind = CloseKind::network_error, .detail = "reset"}, true,
                 std::chrono::microseconds(61'234'900));
  const Json end = parsed(record);
  CHECK(end["event"] == "session_end");
  CHECK(end["side"] == "broker");
  CHECK(end["kind"] == to_string(CloseKind::network_error));
  CHECK(end["detail"] == "reset");
  CHECK(end["begun"] == true);
  CHECK(end["duration_seconds"] == doctest::Approx(61.234));

  AuditRecord never(Event::session_end, testing::kWhen, info);
  never.set_end({.side = Side::broker, .kind = CloseKind::broker_refused, .detail = {}}, false, {});
  const Json line = parsed(never);
  CHECK(line["begun"] == false);
  CHECK_FALSE(line.contains("duration_seconds"));
  CHECK_FALSE(line.contains("detail"));
  CHECK_FALSE(line.contains("broker_reason"));
}

TEST_CASE("the end of a session says what it moved, and the broker's last code") {
  const Identity who = testing::sensor();
  AuditRecord record(Event::session_end, testing::kWhen, {.session = 9, .identity = who});
  record.set_end({.side = Side::broker,
                  .kind = CloseKind::disconnect,
                  .detail = {},
                  .tally = {.packets = {12, 3},
                            .bytes = {4'000'000'000, 90},
                            .refused = 2,
                            .throttled = 1,
                            .broker_code = mqtt::ReasonCode::session_taken_over}},
                 true, std::chrono::seconds(2));
  const Json line = parsed(record);
  CHECK(line["packets"] == Json({{"from_client", 12}, {"from_broker", 3}}));
  CHECK(line["bytes"] == Json({{"from_client", 4'000'000'000}, {"from_broker", 90}}));
  CHECK(line["refused"] == 2);
  CHECK(line["throttled"] == 1);
  CHECK(line["broker_reason"] == Json({{"code", 142}, {"text", "session_taken_over"}}));
}

TEST_CASE("nasty strings come back as what they are, or as U+FFFD where they are nothing") {
  Identity who = testing::sensor();
  const std::string quotes = "a\"b\\c/d\ne\rf\tg\x01\x7F";
  who.client_id = quotes;
  who.username = "}{\"event\":\"forged\"}\n{\"event\":\"forged\"}";
  Refusal refusal = testing::refusal_by("r");
  const std::string with_nul("x\0y", 3);
  refusal.topic = with_nul;
  const Json line = refusal_line(who, refusal);
  CHECK(line["client_id"] == quotes);
  CHECK(line["username"] == *who.username);
  CHECK(line["topic"] == with_nul);

  for (const std::string_view bad :
       {"\xFF", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "ok\x80ok"}) {
    who.client_id = bad;
    who.username = std::string(bad);
    refusal.topic = bad;
    const Json replaced = refusal_line(who, refusal);
    CHECK(replaced["client_id"].get<std::string>().find("\xEF\xBF\xBD") != std::string::npos);
    CHECK(replaced["topic"] == replaced["client_id"]);
  }

  // Every byte there is, in every string.
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  Identity worst{
      .listener = all,
      .address = all,
      .certificate = std::make_shared<const Certificate>(Certificate{
          .common_name = all, .serial = all, .san_dns = {}, .san_uri = {}, .fingerprint = all}),
      .username = all,
      .client_id = all};
  refusal.topic = all;
  refusal.cause = {all, true};
  CHECK(refusal_line(worst, refusal)["event"] == "refusal");
}

TEST_CASE("long strings are cut, and the line says which") {
  Identity who = testing::sensor();
  who.client_id = std::string(60'000, 'c');
  who.username = std::string(257, 'u');
  Refusal refusal = testing::refusal_by("r");
  const std::string topic(65'535, 't');
  refusal.topic = topic;
  AuditRecord record(Event::refusal, testing::kWhen, {.session = 1, .identity = who});
  record.set_refusal(refusal);
  const Json line = parsed(record);
  CHECK(line["client_id"] == std::string(256, 'c'));
  CHECK(line["username"] == std::string(256, 'u'));
  CHECK(line["topic"] == std::string(1024, 't'));
  CHECK(line["truncated"] == Json({"client_id", "username", "topic"}));
  CHECK(testing::line_of(record).size() < 4096);

  // Exactly as long as allowed: not cut.
  who.client_id = std::string(256, 'c');
  who.username.reset();
  const std::string exact(1024, 't');
  refusal.topic = exact;
  CHECK_FALSE(refusal_line(who, refusal).contains("truncated"));

  // Not in the middle of a character.
  who.client_id = std::string(255, 'c') + "\xC3\xBC";
  CHECK(refusal_line(who, refusal)["client_id"] == std::string(255, 'c'));
}

TEST_CASE("a line about lost lines") {
  const AuditLoss loss{.queue_full = 3, .write = 5};
  CHECK(testing::line_of(loss.record(testing::kWhen)) ==
        R"({"time":"2025-12-31T23:59:59.987Z","schema":1,"event":"lost","instance":"gw-1",)"
        R"("lines":8,"reasons":{"queue_full":3,"write":5}})"
        "\n");
}

TEST_CASE("the bytes of a line: members in a fixed order, no space") {
  const Identity who = testing::sensor();
  AuditRecord record(Event::refusal, testing::kWhen,
                     {.session = 5, .identity = who, .version = mqtt::Version::v5});
  record.set_refusal(testing::refusal_by("no-secrets"));
  CHECK(
      testing::line_of(record) ==
      R"({"time":"2025-12-31T23:59:59.987Z","schema":1,"event":"refusal","instance":"gw-1",)"
      R"("session":5,"listener":"devices","address":"192.0.2.7","client_id":"sensor-1","username":"someone","certificate":)"
      R"({"cn":"sensor-1","serial":"0a1b","fingerprint":"f00d"},"version":"5.0","phase":"open",)"
      R"("from":"client","packet":"PUBLISH","topic":"plant/1/secret","action":"drop",)"
      R"("rule":"no-secrets","reason":{"code":135,"text":"not_authorized"}})"
      "\n");
}

TEST_CASE("a refusal without a session says what certificate was shown, and claims no more") {
  Identity who;
  who.listener = "devices";
  who.address = "192.0.2.7";
  const Certificate shown{.common_name = "sensor-9",
                          .serial = "0b",
                          .san_dns = {},
                          .san_uri = {},
                          .fingerprint = "beef"};
  Refusal refusal{.phase = Phase::handshake,
                  .action = Action::disconnect,
                  .cause = {"tls.certificate-expired", false},
                  .topic = {},
                  .shown = &shown};
  AuditRecord record(Event::refusal, testing::kWhen, {.session = 0, .identity = who});
  record.set_refusal(refusal);
  const Json line = parsed(record);
  CHECK(line["unverified_certificate"] == Json({{"cn", "sensor-9"}, {"serial", "0b"}}));
  CHECK(line["phase"] == "handshake");
  CHECK(line["check"] == "tls.certificate-expired");
  CHECK(line["address"] == "192.0.2.7");
  for (const char* absent : {"session", "client_id", "certificate", "version", "packet", "topic"})
    CHECK_FALSE_MESSAGE(line.contains(absent), absent);
}

TEST_CASE("the end of a session names the Will that leaves with it") {
  const Identity who = testing::sensor();
  AuditRecord record(Event::session_end, testing::kWhen, {.session = 9, .identity = who});
  record.set_end({.side = Side::client, .kind = CloseKind::closed, .detail = {}, .will = "gone/1"},
                 true, std::chrono::seconds(2));
  const Json line = parsed(record);
  CHECK(line["will"] == "gone/1");
  CHECK(testing::line_of(record).find("\"duration_seconds\":2.0") != std::string::npos);
}

TEST_CASE("the end of a spell of throttling says how often and how long") {
  const Identity who = testing::sensor();
  AuditRecord record(Event::throttle_end, testing::kWhen, {.session = 9, .identity = who});
  record.set_throttle(Side::client, {"device.limits", true});
  record.set_throttled(testing::kWhen, 7, std::chrono::milliseconds(1500),
                       std::chrono::seconds(20));
  const Json line = parsed(record);
  CHECK(line["event"] == "throttle_end");
  CHECK(line["rule"] == "device.limits");
  CHECK(line["count"] == 7);
  CHECK(line["throttled_seconds"] == doctest::Approx(1.5));
  CHECK(line["duration_seconds"] == doctest::Approx(20));
}

TEST_CASE("a sum counts, and keeps distinct examples up to a bound") {
  const Identity who = testing::sensor();
  AuditRecord sum(Event::refusal, testing::kWhen, {.session = 9, .identity = who});
  sum.set_refusal(testing::refusal_by("no"));
  sum.make_sum(SumOf::client);
  for (int i = 0; i < 20; ++i) sum.count("a");
  sum.count(std::string(500, 'b'));
  sum.set_sum_end(testing::kWhen + std::chrono::milliseconds(1010));
  Json line = parsed(sum);
  CHECK(line["event"] == "repeated");
  CHECK(line["of"] == "refusal");
  CHECK(line["rule"] == "no");
  CHECK(line["client_id"] == "sensor-1");
  CHECK(line["count"] == 21);
  CHECK(line["seconds"] == doctest::Approx(1.01));
  CHECK(line["topics"] == Json({"a", std::string(128, 'b')}));
  CHECK(line["more"] == false);
  CHECK_FALSE(line.contains("session"));  // they may be of many
  CHECK_FALSE(line.contains("topic"));
  CHECK(sum.lines() == 21);
  for (int i = 0; i < 100; ++i) sum.count("topic/" + std::to_string(i));
  line = parsed(sum);
  CHECK(line["topics"].size() == AuditRecord::kMaxExamples);
  CHECK(line["more"] == true);

  AuditRecord crowd(Event::refusal, testing::kWhen, {.session = 9, .identity = who});
  crowd.set_refusal(testing::refusal_by("no"));
  crowd.make_sum(SumOf::crowd);
  crowd.count("sensor-1");
  crowd.count("sensor-2");
  line = parsed(crowd);
  CHECK(line["client_ids"] == Json({"sensor-1", "sensor-2"}));
  CHECK_FALSE(line.contains("client_id"));
  CHECK_FALSE(line.contains("username"));
  CHECK(line["address"] == "192.0.2.7");

  AuditRecord everyone(Event::refusal, testing::kWhen, {.session = 9, .identity = who});
  everyone.set_refusal(testing::refusal_by("no"));
  everyone.make_sum(SumOf::everyone);
  everyone.count("192.0.2.7");
  everyone.count("192.0.2.8");
  line = parsed(everyone);
  CHECK(line["addresses"] == Json({"192.0.2.7", "192.0.2.8"}));
  CHECK(line["rule"] == "no");
  for (const char* absent : {"client_id", "username", "address", "certificate", "version"})
    CHECK_FALSE_MESSAGE(line.contains(absent), absent);
}

TEST_CASE("nothing that a reader cannot see stands in a line as it is") {
  Identity who = testing::sensor();
  // U+202E, U+2028, U+2029, U+200B, U+2066, U+FEFF, U+009B, U+007F, U+E0041, U+FFFF, U+E000
  const std::string hidden =
      "a\xE2\x80\xAE\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\x8B\xE2\x81\xA6\xEF\xBB\xBF\xC2\x9B\x7F"
      "\xF3\xA0\x81\x81\xEF\xBF\xBF\xEE\x80\x80z";
  const std::string seen = "gr\xC3\xBC\xC3\x9F\xE2\x82\xAC\xF0\x9F\x92\xA3";
  who.client_id = hidden;
  who.username = seen;
  AuditRecord record(Event::session_begin, testing::kWhen, {.session = 1, .identity = who});
  const std::string line = testing::line_of(record);
  CHECK(line.find(R"("client_id":"a\u202e\u2028\u2029\u200b\u2066\ufeff\u009b\u007f)"
                  R"(\udb40\udc41\uffff\ue000z")") != std::string::npos);
  CHECK(line.find(seen) != std::string::npos);
  CHECK(parsed(record)["client_id"] == hidden);
}

TEST_CASE("a certificate says which of its names were left out, and what lets it in") {
  auto certificate = std::make_shared<Certificate>();
  certificate->serial = "0a";
  certificate->fingerprint = "f00d";
  Identity who = testing::sensor();
  who.certificate = certificate;
  const auto line = [&who] {
    return parsed(
        AuditRecord(Event::session_begin, testing::kWhen, {.session = 1, .identity = who}));
  };
  CHECK_FALSE(line()["certificate"].contains("left_out"));
  CHECK_FALSE(line()["certificate"].contains("let_in_by"));
  certificate->left_out = {"cn: longer than max_name"};
  certificate->needs = {.key = true, .sha1 = true};
  CHECK(line()["certificate"]["left_out"] == Json{"cn: longer than max_name"});
  CHECK(line()["certificate"]["let_in_by"] == Json{"min_client_key", "allow_sha1"});
}

TEST_CASE("no line is longer than the writer makes room for") {
  const std::string worst(65'535, '\x01');
  const Certificate shown{
      .common_name = worst, .serial = worst, .san_dns = {}, .san_uri = {}, .fingerprint = worst};
  Identity who{.listener = worst,
               .address = worst,
               .certificate = std::make_shared<const Certificate>(shown),
               .username = worst,
               .client_id = worst};
  Refusal refusal = testing::refusal_by("r");
  refusal.topic = worst;
  refusal.shown = &shown;
  refusal.cause = {worst, true};
  AuditRecord record(Event::refusal, testing::kWhen, {.session = UINT64_MAX, .identity = who});
  record.set_refusal(refusal);
  const auto longest = [&record] {
    std::size_t size = 0;
    for (const auto format : testing::kFormats) {
      size = std::max(size, testing::line_of(record, format).size());
    }
    return size;
  };
  CHECK(longest() <= AuditRecord::kMaxLine);
  record.make_sum(SumOf::client);
  for (int i = 0; i < 100; ++i) record.count(std::to_string(i) + worst);
  CHECK(longest() <= AuditRecord::kMaxLine);
}

}  // namespace sallyport::observe
