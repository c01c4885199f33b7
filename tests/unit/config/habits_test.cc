// What tired people write by habit of other files, and the hint that shows the way out.

#include "config/habits.h"

#include <string>

#include <doctest/doctest.h>

#include "files.h"

namespace sallyport::config {
namespace {

using test::all;
using test::Bad;
using test::kGateway;

void check(std::string_view before, std::span<const Bad> cases) {
  for (const Bad& bad : cases) {
    CAPTURE(bad.text);
    const auto result = test::gateway(std::string(before) + std::string(bad.text));
    REQUIRE(!result.has_value());
    CAPTURE(all(result.error()));
    CHECK(test::has(result.error(), bad.where, bad.fragment));
  }
}

TEST_CASE("lines that are no TOML") {
  const Bad cases[] = {
      {"broker:\n  address: x\n", "1:7", "its name in brackets"},
      {"address: 127.0.0.1:1883\n", "1:8", "TOML says: key = value"},
      {"a = 1\n- b\n", "2:2", "a list is written"},
      {"---\nbroker:\n", "1:4", "document marks"},
      {"; a comment\n", "1:1", "begins with #"},
      {"// a comment\n", "1:1", "begins with #"},
      {"a = yes\n", "1:5", "write true or false"},
      {"a = True\n", "1:5", "write true or false"},
      {"a = off\n", "1:5", "write true or false"},
      {"a = null\n", "1:5", "delete the line"},
      {"a = none\n", "1:5", "delete the line"},
      {"a = 10 s\n", "1:8", "stand in quotes"},
      {"a = 64KiB\n", "1:7", "stand in quotes"},
      {"a = 20/s\n", "1:7", "stand in quotes"},
      {"a = 127.0.0.1:1883\n", "1:10", "stand in quotes"},
      {"a = \xE2\x80\x9Cx\xE2\x80\x9D\n", "1:5", "typographic quotes"},
      {"a = \xC2\xABx\xC2\xBB\n", "1:5", "typographic quotes"},
      {"export A=1\n", "1:7", "write: key = value"},
      {"a = info\n", "1:8", "put text in \"quotes\""},
      {"a = 08\n", "1:5", "write it without the zero"},
  };
  check("", cases);
}

TEST_CASE("keys of other programs, and keys below the wrong header") {
  const Bad cases[] = {
      {"port = 8883\n", "8:1", "did you mean \"address\"?"},
      {"max_clients = 1\n", "8:1", "did you mean \"max_connections\"?"},
      {"ssl = true\n", "8:1", "did you mean \"tls\"?"},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\ncafile = 'c'\n", "11:1",
       "did you mean \"client_ca\"?"},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\nca = 'c'\n", "11:1",
       "did you mean \"client_ca\"?"},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\nrequire_client_cert = true\n", "11:1",
       "did you mean \"client_certificate\"?"},
      {"[listener.tls]\ncertificate = 'a'\nkeyfile = 'b'\n", "10:1", "did you mean \"key\"?"},
      {"[broker.tls]\nclient_ca = 'a'\n", "9:1", "did you mean \"ca\"?"},
      {"[broker.tls]\ncafile = 'a'\n", "9:1", "did you mean \"ca\"?"},
      {"[broker.tls]\nsni = 'a'\n", "9:1", "did you mean \"server_name\"?"},
      {"[limits]\nmaximum_packet_size = 1\n", "9:1", "did you mean \"max_packet\"?"},
      {"[limits]\nkeepalive = 60\n", "9:1", "did you mean \"max_keep_alive\"?"},
      {"[workers]\nthreads = 4\n", "9:1", "did you mean \"count\"?"},
      {"[log]\nlog_level = 'info'\n", "9:1", "did you mean \"level\"?"},
      {"[observe]\nport = 9464\n", "9:1", "did you mean \"address\"?"},
      {"[observe]\naudit = 'x'\n", "9:1", "did you mean \"audit_log\"?"},
      {"[listener.limits]\nmax_packet = '1 MiB'\nmax_connections = 100\n", "10:1",
       "it is a key of [[listener]] \"devices\"; what stands below a header"},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\nconnects_per_client = '1/s'\n", "11:1",
       "it is a key of [[listener]] \"devices\""},
      {"[broker.tls]\nca = 'a'\nconnect_timeout = '1 s'\n", "10:1", "it is a key of [broker]"},
  };
  check(kGateway, cases);
}

TEST_CASE("addresses by habit") {
  const Bad cases[] = {
      {"[broker]\naddress = 'mqtt://127.0.0.1:1883'\n", "2:11", "is a URL; write host and port"},
      {"[broker]\naddress = 'tcp://127.0.0.1:1883'\n", "2:11", "is a URL"},
      {"[broker]\naddress = 'mqtts://b.example'\n", "2:11", "with a tls table"},
      {"[broker]\naddress = 'b.example:1883/mqtt'\n", "2:11", "holds a path"},
      {"[broker]\naddress = 'user:pass@b.example:1883'\n", "2:11", "holds a user"},
      {"[broker]\naddress = '::1:1883'\n", "2:11", "without brackets"},
      {"[broker]\naddress = 'b.example'\n", "2:11", "has no port"},
      {"[broker]\naddress = 1883\n", "2:11", "is an integer (1883), not a string"},
      {"[[listener]]\nname = 'a'\naddress = ':8883'\n", "3:11", "has no host"},
      {"[[listener]]\nname = 'a'\naddress = '*:8883'\n", "3:11", "\"0.0.0.0\""},
      {"[listener]\nname = 'a'\n", "1:1", "in double brackets: [[listener]]"},
  };
  check("", cases);
}

TEST_CASE("a rule before any role") {
  const auto policy = test::policy_of("[[role.allow]]\nid = 'x'\npublish = '#'\n");
  REQUIRE(!policy.has_value());
  CHECK(test::has(policy.error(), "1:1", "write [[role]] with its name above [[role.allow]]"));
  const auto single = test::policy_of("[[role]]\nname = 'x'\n[role.allow]\nid = 'x'\n");
  REQUIRE(!single.has_value());
  CHECK(test::has(single.error(), "3:1", "in double brackets: [[role.allow]]"));
}

}  // namespace
}  // namespace sallyport::config
