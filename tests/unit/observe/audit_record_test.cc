#include "observe/audit_record.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support.h"

namespace sallyport::observe {

namespace {

using Json = nlohmann::json;
using Event = AuditRecord::Event;
constexpr AuditRecord::Time kWhen{std::chrono::milliseconds(1'767'225'599'987)};

Json parsed(const AuditRecord& record) {
  const std::string line = record.to_line();
  CHECK(line.back() == '\n');
  CHECK(line.find('\n') == line.size() - 1);
  return Json::parse(line);
}

Json refusal_line(const Identity& who, const Refusal& refusal) {
  AuditRecord record(Event::refusal, kWhen,
                     {.session = 5, .identity = who, .version = mqtt::Version::v5});
  record.set_refusal(refusal);
  return parsed(record);
}

}  // namespace

TEST_CASE("time is RFC 3339 in UTC with milliseconds") {
  CHECK(to_rfc3339(kWhen) == "2025-12-31T23:59:59.987Z");
  CHECK(to_rfc3339(AuditRecord::Time{}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(AuditRecord::Time{std::chrono::milliseconds(5)}) == "1970-01-01T00:00:00.005Z");
  CHECK(to_rfc3339(AuditRecord::Time{std::chrono::milliseconds(-1)}) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("a refusal says who, what and why") {
  const Identity who = testing::sensor();
  const Json line = refusal_line(who, testing::refusal_by("no-secrets"));
  CHECK(line == Json::parse(R"({
    "time": "2025-12-31T23:59:59.987Z", "event": "refusal", "session": 5,
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
  CHECK(line["unverified_certificate"] ==
        Json::parse(R"({"cn": "sensor-9", "serial": "0bad", "fingerprint": "beef"})"));
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
  const Json begin = parsed(AuditRecord(Event::session_begin, kWhen, info));
  CHECK(begin["event"] == "session_begin");
  CHECK(begin["session"] == 9);
  CHECK(begin["version"] == "3.1.1");
  CHECK_FALSE(begin.contains("kind"));

  AuditRecord record(Event::session_end, kWhen, info);
  record.set_end({.side = Side::broker, .kind = CloseKind::network_error, .detail = "reset"}, true,
                 std::chrono::microseconds(61'234'900));
  const Json end = parsed(record);
  CHECK(end["event"] == "session_end");
  CHECK(end["side"] == "broker");
  CHECK(end["kind"] == to_string(CloseKind::network_error));
  CHECK(end["detail"] == "reset");
  CHECK(end["begun"] == true);
  CHECK(end["duration_seconds"] == doctest::Approx(61.234));

  AuditRecord never(Event::session_end, kWhen, info);
  never.set_end({.side = Side::broker, .kind = CloseKind::broker_refused, .detail = {}}, false, {});
  const Json line = parsed(never);
  CHECK(line["begun"] == false);
  CHECK_FALSE(line.contains("duration_seconds"));
  CHECK_FALSE(line.contains("detail"));
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
  AuditRecord record(Event::refusal, kWhen, {.session = 1, .identity = who});
  record.set_refusal(refusal);
  const Json line = parsed(record);
  CHECK(line["client_id"] == std::string(256, 'c'));
  CHECK(line["username"] == std::string(256, 'u'));
  CHECK(line["topic"] == std::string(1024, 't'));
  CHECK(line["truncated"] == Json({"client_id", "username", "topic"}));
  CHECK(record.to_line().size() < 4096);

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
  const AuditLoss loss{.queue_full = 3, .repeated = 4, .write = 5};
  const Json line = Json::parse(loss.to_line(kWhen));
  CHECK(line["event"] == "lost");
  CHECK(line["lines"] == 12);
  CHECK(line["reasons"] == Json({{"queue_full", 3}, {"repeated", 4}, {"write", 5}}));
}

}  // namespace sallyport::observe
