// What tired people write by habit of other files, and the hint that shows the way out.

#include "config/habits.h"

#include <string>

#include <doctest/doctest.h>

#include "files.h"

namespace sallyport::config {
namespace {

using test::all;
using test::Bad;

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
      {"{\"broker\": {\"address\": \"x\"}}\n", "1:1", "this is JSON"},
      {"a == 1\n", "1:4", "one '=' stands between key and value"},
      {"tls = {\n  certificate = 'a'\n}\n", "1:8", "{ } stand on one line"},
      {"a = ['x',,]\n", "1:10", "separate items with one ','"},
      {"a = # later\n", "1:5", "write a value, or delete the line"},
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
      {"[metrics]\naddress = '127.0.0.1:9464'\n", "8:2", "did you mean \"observe\"?"},
      {"[prometheus]\nlisten = ':9464'\n", "8:2", "did you mean \"observe\"?"},
      {"[policies]\nfiles = 'x'\n", "8:2", "did you mean \"policy\"?"},
      {"[logging]\nlevel = 'info'\n", "8:2", "did you mean \"log\"?"},
      {"[upstream]\naddress = 'x:1'\n", "8:2", "did you mean \"broker\"?"},
      {"[tls]\ncertificate = 'a'\n", "8:2", "[listener.tls] below its [[listener]]"},
      {"[[role]]\nname = 'x'\n", "8:3", "[policy] files names"},
      {"[log]\ndrain.timeout = '1 s'\n", "9:1", "write [drain] in a line of its own"},
      {"[workers]\ncount = '4'\n", "9:9", "write 4, without quotes"},
      {"[workers]\ncount = 'auto'\n", "9:9", "accepted: 1 to 256"},
      {"[log]\nlevel = 'warning'\n", "9:9", "did you mean \"warn\"?"},
      {"[log]\nlevel = 'DEBUG'\n", "9:9", "did you mean \"debug\"?"},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\nmin_version = 'TLSv1.2'\n", "11:15",
       "did you mean \"1.2\"?"},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\nclient_certificate = 'require'\n", "11:22",
       "did you mean \"required\"?"},
      {"[observe]\naudit_log = 'stderr'\n", "9:13", "write \"stdout\""},
      {"[observe]\naudit_log = '-'\n", "9:13", "write \"stdout\""},
      {"[observe]\naudit_log = 'none'\n", "9:13", "for none delete the line"},
      {"[observe]\naddress = 9464\n", "9:11", "write it as \"127.0.0.1:9464\""},
      {"[limits]\nbridges = 'true'\n", "9:11", "without quotes"},
      {"[limits]\nmax_keep_alive = 60\n", "9:18", "\"10 s\""},
      {"[drain]\ntimeout = '10 minutes'\n", "9:11", "units are ms, s, min, h, d"},
      {"[limits]\nmax_packet = '64K'\n", "9:14", "units are B, KiB, MiB"},
      {"[listener.limits]\nmax_packet = '1 MiB'\nmax_connections = 100\n", "10:1",
       "it is a key of [[listener]] \"devices\"; what stands below a header"},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\nconnects_per_client = '1/s'\n", "11:1",
       "it is a key of [[listener]] \"devices\""},
      {"[broker.tls]\nca = 'a'\nconnect_timeout = '1 s'\n", "10:1", "it is a key of [broker]"},
  };
  check(test::kGateway, cases);
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
      {"[listener.devices]\naddress = '127.0.0.1:8883'\n", "1:1",
       "write [[listener]] and below it name = \"devices\""},
      {"[broker]\naddress = '${BROKER}:1883'\n", "2:11", "holds a variable"},
      {"[broker]\naddress = ' 127.0.0.1:1883'\n", "2:11", "holds a blank"},
      {"[broker]\naddress = '127.0.0.1:70000'\n", "2:11", "ports are 1 to 65535"},
  };
  check("", cases);
}

TEST_CASE("policies by habit") {
  constexpr std::string_view kRole =
      "[[role]]\nname = 'r'\n[[role.allow]]\nid = 'x'\npublish = 'a'\n";
  const Bad behind[] = {
      {"client_id = '${cert.cn}'\n", "6:1", "it is a key of [[role]]"},
      {"match = { username = 'x' }\n", "6:1", "it is a key of [[role]]"},
      {"topics = ['a']\n", "6:1", "did you mean \"publish\"?"},
      {"write = 'a'\n", "6:1", "did you mean \"publish\"?"},
      {"read = 'a'\n", "6:1", "did you mean \"subscribe\"?"},
      {"rate = '20/s'\n", "6:1", "did you mean \"limit\"?"},
      {"max_size = '1 KiB'\n", "6:1", "did you mean \"max_payload\"?"},
      {"action = 'deny'\n", "6:1", "did you mean \"on_deny\"?"},
      {"qos = 1\n", "6:1", "did you mean \"max_qos\"?"},
      {"max_qos = '1'\n", "6:11", "write 1, without quotes"},
      {"retain = 'no'\n", "6:10", "without quotes"},
      {"limit = { messages = '20/sec' }\n", "6:22", "end it with /s, /min or /h"},
      {"limit = { bytes = '64 KiB' }\n", "6:19", "says no time"},
      {"[[role.permit]]\nid = 'y'\npublish = 'b'\n", "6:8", "did you mean \"allow\"?"},
      {"[[role.block]]\nid = 'y'\npublish = 'b'\n", "6:8", "did you mean \"deny\"?"},
      {"[[allow]]\nid = 'y'\npublish = 'b'\n", "6:3", "below its role: [[role.allow]]"},
      {"[[role.allow]]\nname = 'y'\npublish = 'b'\n", "7:1", "did you mean \"id\"?"},
      {"[[role.allow]]\nid = 'y'\npublish = 'a/{client_id}/b'\n", "8:11", "write ${client_id}"},
      {"[[role.deny]]\nid = 'y'\npublish = 'a/$client_id/b'\n", "8:11", "write ${client_id}"},
      {"[[role]]\nname = 'y'\nmatch.common_name = 'x'\n", "8:7", "did you mean \"cert_cn\"?"},
      {"[[role]]\nname = 'y'\nmatch.ip = '10.0.0.1'\n", "8:7", "did you mean \"address\"?"},
      {"[[role]]\nname = 'y'\nmatch.user = 'x'\n", "8:7", "did you mean \"username\"?"},
      {"[[role]]\nname = 'y'\nmatch.cert_fingerprint = 'AB:CD'\n", "8:26", "without colons"},
      {"[[role]]\nname = 'y'\nmatch.cert_serial = '0x1F'\n", "8:21", "without colons and 0x"},
      {"[[role]]\nname = 'y'\nmatch.address = '10.0.*'\n", "8:17", "192.0.2.0/24"},
      {"[[listener]]\nname = 'x'\n", "6:3", "it stands in gateway.toml"},
  };
  for (const Bad& bad : behind) {
    CAPTURE(bad.text);
    const auto policy = test::policy_of(std::string(kRole) + std::string(bad.text));
    REQUIRE(!policy.has_value());
    CAPTURE(all(policy.error()));
    CHECK(test::has(policy.error(), bad.where, bad.fragment));
  }
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
