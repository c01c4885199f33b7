// Texts in other access control languages are found, and texts in this one are not.

#include "policy/foreign_syntax.h"

#include <span>
#include <string>

#include <doctest/doctest.h>

namespace sallyport::policy {
namespace {

struct Foreign {
  std::string_view text;
  std::string_view fragment;  // of message and hint
};

void check_found(TextKind kind, std::span<const Foreign> cases) {
  for (const Foreign& foreign : cases) {
    CAPTURE(foreign.text);
    const auto problem = foreign_syntax(foreign.text, kind);
    REQUIRE(problem.has_value());
    const std::string words = problem->message + "\n" + problem->hint;
    CAPTURE(words);
    CHECK(words.find(foreign.fragment) != words.npos);
    CHECK(words.find("literal:") != words.npos);
    const std::string meant = std::string(kLiteralMark) + std::string(foreign.text);
    CHECK(!foreign_syntax(meant, kind));
    CHECK(without_literal_mark(meant) == foreign.text);
  }
}

void check_passed(TextKind kind, std::span<const std::string_view> cases) {
  for (const std::string_view text : cases) {
    CAPTURE(text);
    CHECK(!foreign_syntax(text, kind));
    CHECK(without_literal_mark(text) == text);
  }
}

TEST_CASE("signs of other languages in topic filters") {
  const Foreign cases[] = {
      {"plant/%c/telemetry/#", "write ${client_id}"},
      {"users/%u/#", "write ${username}"},
      {"%m/a", "mountpoint"},
      {"a/{{client_id}}/b", "write ${client_id}"},
      {"a/$(client_id)/b", "write ${client_id}"},
      {"plant/$client_id/#", "write ${client_id}"},
      {"plant/{client_id}/#", "write ${client_id}"},
      {"{clientid}", "write ${client_id}"},
      {"plant/{username}/#", "write ${username}"},
      {"plant/{cert.cn}/#", "write ${cert.cn}"},
      {"$username/a", "write ${username}"},
      {"plant/<client_id>/#", "write ${client_id}"},
      {"eq plant/#", "EMQX"},
      {"topic read a/b", "Mosquitto"},
      {"pattern write a/%c", "${client_id}"},
      {"read a/b", "under subscribe"},
      {"write a/b", "under publish"},
      {"readwrite a/b", "under publish and under subscribe"},
      {"^plant/.*$", "begins a regular expression"},
      {"plant/.*", "regular expressions"},
      {"plant/.+/x", "regular expressions"},
      {"plant/sensor$", "ends a regular expression"},
      {"plant/\\d/x", "regular expressions"},
      {"plant/*/state", "for one level write +"},
      {"plant/**", "for one level write +"},
      {"plant/*", "for the rest #"},
      {"plant/sensor-?/x", "for one level write +"},
      {"plant/>", "NATS"},
      {">", "NATS"},
      {"!secret/#", "[[role.deny]]"},
      {" plant/#", "before the first letter"},
      {"plant/# ", "behind the last letter"},
  };
  check_found(TextKind::filter, cases);
}

TEST_CASE("ordinary topic filters") {
  const std::string_view cases[] = {"#",
                                    "+",
                                    "+/up/#",
                                    "$SYS/#",
                                    "plant/${client_id}/telemetry/#",
                                    "dev-${cert.cn}/x",
                                    "a/{x}/b",
                                    "$aws/things/x/jobs/$next/get",
                                    "a b/c",
                                    "/a/",
                                    "100%/x",
                                    "a/b>c/d",
                                    "a.b/c",
                                    "a/[1]/b",
                                    "a|b/c",
                                    "\xC3\xA4/\xE2\x82\xAC",
                                    "$aws/things",
                                    "eqx/a",
                                    "topics/a",
                                    "reader/a",
                                    "a@b/c:d",
                                    "price/$5"};
  check_passed(TextKind::filter, cases);
}

TEST_CASE("signs of other languages in match") {
  const Foreign cases[] = {
      {"^sensor-.*$", "begins a regular expression"},
      {"sensor-.*", "use * and ?"},
      {"sensor-\\d+", "use * and ?"},
      {"sensor-$", "ends a regular expression"},
      {"sensor-[0-9]", "use ? for one character"},
      {"a|b", "write a list"},
      {"(?i)sensor", "regular expression"},
      {"{a,b}", "write a list"},
      {"%c", "${client_id}"},
      {"sensor-%", "write *"},
      {"!sensor", "[[role.deny]]"},
      {"CN=sensor-*", "write the name alone"},
      {"${cert.cn}", "match does not have"},
      {"sensor ", "behind the last letter"},
  };
  check_found(TextKind::glob, cases);
  const Foreign hosts[] = {
      {"DNS:a.example", "write the name alone"},
      {"URI:urn:x", "write the URI alone"},
      {"^a\\.example$", "regular expression"},
  };
  check_found(TextKind::host_glob, hosts);
}

TEST_CASE("ordinary globs") {
  const std::string_view cases[] = {"*", "sensor-*", "sensor-??", "a.b", "Jo Do", "100%x", "a(b)"};
  check_passed(TextKind::glob, cases);
  const std::string_view hosts[] = {"*.tenants.example", "mqtt.*", "urn:dev:*", "spiffe://x/[a]",
                                    "https://[::1]/a?b=*"};
  check_passed(TextKind::host_glob, hosts);
}

}  // namespace
}  // namespace sallyport::policy
