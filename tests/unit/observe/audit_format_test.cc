// The formats of audit lines, as tables and as text. The end-to-end tests hold real lines against
// the schemas in deploy/.
#include "observe/audit_format.h"

#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support.h"

namespace sallyport::observe {

namespace {

using Json = nlohmann::json;
using Format = settings::AuditFormat;
AuditRecord refusal(Action action = Action::drop) {
  const Identity who = testing::sensor();
  AuditRecord record(AuditEvent::refusal, testing::kWhen,
                     {.session = 5, .identity = who, .version = mqtt::Version::v5});
  Refusal what = testing::refusal_by("no-secrets");
  what.action = action;
  record.set_refusal(what);
  return record;
}

Json parsed(const AuditRecord& record, Format format) {
  return Json::parse(testing::line_of(record, format));
}

/// The names under "properties" of a schema, with those of the objects in it: "reason.code".
void names_of(const Json& schema, const std::string& path, std::set<std::string>& names) {
  for (const auto& [name, property] : schema["properties"].items()) {
    names.insert(path + name);
    if (property.contains("properties")) names_of(property, path + name + ".", names);
  }
}

std::set<std::string> schema_names(const std::string& file) {
  const std::string text = testing::read_all(std::string(SALLYPORT_SOURCE) + "/deploy/" + file);
  REQUIRE_FALSE(text.empty());
  std::set<std::string> names;
  names_of(Json::parse(text), "", names);
  return names;
}

}  // namespace

TEST_CASE("no format leaves a field of a record out") {
  for (const Format format : testing::kFormats) {
    std::set<AuditField> told;
    for (const FormatRow& row : rows_of(format)) told.insert(row.field);
    for (std::size_t i = 0; i < kAuditFields.size(); ++i) {
      CHECK_MESSAGE(told.contains(static_cast<AuditField>(i)), kAuditFields[i].key);
    }
  }
}

TEST_CASE("the published schemas name what the formats' tables name, and nothing else") {
  constexpr std::array kFiles = {"audit.schema.json", "audit-ecs.schema.json",
                                 "audit-ocsf.schema.json"};
  for (const Format format : testing::kFormats) {
    const auto names = schema_names(kFiles[static_cast<std::size_t>(format)]);
    std::set<std::string> rows;
    for (const FormatRow& row : rows_of(format)) {
      // An object is there because of its members.
      const std::string object(row.object);
      for (std::size_t dot = object.find('.'); !object.empty(); dot = object.find('.', dot + 1)) {
        rows.insert(object.substr(0, dot));
        if (dot == std::string::npos) break;
      }
      rows.insert(object.empty() ? std::string(row.key) : object + "." + std::string(row.key));
    }
    for (const std::string& row : rows) CHECK_MESSAGE(names.contains(row), row);
    for (const std::string& name : names) {
      // The certificate's members are attributes, not fields.
      if (name.find("certificate.") != std::string::npos && !rows.contains(name)) continue;
      CHECK_MESSAGE(rows.contains(name), name);
    }
  }
}

TEST_CASE("every event of the table is in the schema") {
  const Json schema =
      Json::parse(testing::read_all(std::string(SALLYPORT_SOURCE) + "/deploy/audit.schema.json"));
  const auto events = schema["properties"]["event"]["enum"].get<std::set<std::string>>();
  for (const AuditEventRow& row : kAuditEvents)
    CHECK_MESSAGE(events.contains(std::string(row.name)), row.name);
  CHECK(events.size() == kAuditEvents.size() + 1);  // and "repeated"
}

TEST_CASE("ECS: a refusal") {
  CHECK(parsed(refusal(), Format::ecs) == Json::parse(R"({
    "@timestamp": "2025-12-31T23:59:59.987Z", "ecs": {"version": "8.11.0"},
    "event": {"kind": "event", "module": "sallyport", "dataset": "sallyport.audit",
              "category": ["network"], "type": ["denied"], "action": "refusal", "outcome": "failure",
              "reason": "not_authorized"},
    "observer": {"name": "gw-1", "product": "Sallyport", "type": "gateway"},
    "network": {"transport": "tcp", "protocol": "mqtt"},
    "source": {"address": "192.0.2.7", "ip": "192.0.2.7"},
    "device": {"id": "sensor-1"}, "user": {"name": "someone"}, "rule": {"name": "no-secrets"},
    "tls": {"client": {"hash": {"sha256": "F00D"}, "x509": {"serial_number": "0A1B"}}},
    "sallyport": {"schema": 1, "session": 5, "listener": "devices",
                  "certificate": {"cn": "sensor-1", "serial": "0a1b", "fingerprint": "f00d"},
                  "version": "5.0", "phase": "open", "from": "client", "packet": "PUBLISH",
                  "topic": "plant/1/secret", "action": "drop", "reason_code": 135}})"));
  const Json reported = parsed(refusal(Action::report), Format::ecs);
  CHECK(reported["event"]["type"] == Json({"allowed"}));
  CHECK(reported["event"]["outcome"] == "success");
}

TEST_CASE("OCSF: a refusal") {
  CHECK(parsed(refusal(), Format::ocsf) == Json::parse(R"({
    "time": 1767225599987, "class_uid": 4001, "category_uid": 4, "activity_id": 5,
    "activity_name": "Refuse", "type_uid": 400105, "severity_id": 2, "status_id": 2,
    "status_code": "135", "status_detail": "not_authorized", "message": "refusal",
    "action_id": 2, "disposition_id": 2, "firewall_rule": {"name": "no-secrets"},
    "metadata": {"version": "1.3.0", "log_name": "sallyport.audit", "log_version": "1",
                 "log_provider": "gw-1", "event_code": "refusal", "profiles": ["security_control"],
                 "product": {"name": "Sallyport", "vendor_name": "Sallyport"}},
    "src_endpoint": {"ip": "192.0.2.7", "uid": "sensor-1", "owner": {"name": "someone"}},
    "dst_endpoint": {"name": "devices", "svc_name": "mqtt"},
    "connection_info": {"direction_id": 1, "protocol_name": "tcp"},
    "unmapped": {"session": 5,
                 "certificate": {"cn": "sensor-1", "serial": "0a1b", "fingerprint": "f00d"},
                 "version": "5.0", "phase": "open", "from": "client", "packet": "PUBLISH",
                 "topic": "plant/1/secret", "action": "drop", "rule": "no-secrets"}})"));
  CHECK(parsed(refusal(Action::report), Format::ocsf)["disposition_id"] == 1);
}

TEST_CASE("an event of the process, and an address that is none, in every format") {
  AuditRecord reload(AuditEvent::reload, testing::kWhen);
  reload.set_flag(AuditField::ok, false);
  reload.set(AuditField::errors, std::uint64_t{3});
  CHECK(parsed(reload, Format::native)["errors"] == 3);
  CHECK(parsed(reload, Format::ecs)["event"]["outcome"] == "failure");
  const Json ocsf = parsed(reload, Format::ocsf);
  CHECK(ocsf["class_uid"] == 6002);
  CHECK(ocsf["app"]["name"] == "Sallyport");
  CHECK(ocsf["status_id"] == 2);
  CHECK_FALSE(ocsf.contains("dst_endpoint"));

  Identity who = testing::sensor();
  who.address = "unix";
  const AuditRecord record(AuditEvent::session_begin, testing::kWhen,
                           {.session = 1, .identity = who});
  CHECK_FALSE(parsed(record, Format::ecs)["source"].contains("ip"));
  CHECK(parsed(record, Format::ecs)["source"]["address"] == "unix");
  CHECK(parsed(record, Format::ocsf)["src_endpoint"]["name"] == "unix");
}

TEST_CASE("whatever strings there are, every format is JSON, and says them") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  Identity who = testing::sensor();
  who.client_id = all;
  who.username = "}{\"a\"\xE2\x80\xAE";
  for (const Format format : testing::kFormats) {
    const AuditRecord record(AuditEvent::session_begin, testing::kWhen,
                             {.session = 1, .identity = who});
    const std::string line = testing::line_of(record, format);
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(line.find("\\u202e") != std::string::npos);
    CHECK(Json::parse(line).is_object());
  }
}

}  // namespace sallyport::observe
