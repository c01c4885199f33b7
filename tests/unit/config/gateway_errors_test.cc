// What is wrong with a gateway file, said where it stands.

#include <string>

#include <doctest/doctest.h>

#include "files.h"

namespace sallyport::config {
namespace {

using test::all;
using test::Bad;
using test::Folder;

TEST_CASE("what is missing is asked for") {
  const auto errors = test::gateway("");
  REQUIRE(!errors.has_value());
  CAPTURE(all(errors.error()));
  CHECK(errors.error().size() == 3);
  CHECK(test::has(errors.error(), "0:0", "has no \"broker\""));
  CHECK(test::has(errors.error(), "0:0", "has no \"listener\""));
  CHECK(test::has(errors.error(), "0:0", "nobody could pass"));

  const auto parts = test::gateway("\n[broker]\n[[listener]]\n[policy]\n");
  REQUIRE(!parts.has_value());
  CAPTURE(all(parts.error()));
  CHECK(parts.error().size() == 4);
  CHECK(test::has(parts.error(), "2:1", "[broker] has no \"address\""));
  CHECK(test::has(parts.error(), "3:1", "[[listener]] has no \"name\""));
  CHECK(test::has(parts.error(), "3:1", "[[listener]] has no \"address\""));
  CHECK(test::has(parts.error(), "4:1", "[policy] has no \"files\""));

  CHECK(test::has(test::gateway("listener = []\n").error(), "1:12", "no listener"));
}

// Appended to the least that loads, so line 8 continues [[listener]].
TEST_CASE("bad values are refused where they stand") {
  const Bad cases[] = {
      // Unknown keys, in every table.
      {"adress = 1\n", "8:1", "unknown key \"adress\" in [[listener]] \"devices\""},
      {"adress = 1\n", "8:1", "did you mean \"address\"?"},
      {"zzz = 1\n", "8:1", "accepted here: name, address, tls, max_connections"},
      {"[brokers]\n", "8:2", "unknown key \"brokers\" in gateway file"},
      {"[\"bro ker\"]\n", "8:2", "did you mean \"broker\"?"},
      {"tls = { certificate = 'a', key = 'b', clientca = 'c' }\n", "8:39",
       "unknown key \"clientca\" in tls of [[listener]] \"devices\""},
      {"[listener.tls]\ncertificate = 'a'\nkey = 'b'\nca = 'c'\n", "11:1", "unknown key \"ca\""},
      {"limits = { max_paket = '1 KiB' }\n", "8:12", "did you mean \"max_packet\"?"},
      {"[limits]\nlisteners = 1\n", "9:1", "unknown key \"listeners\" in [limits]"},
      {"[workers]\ncounts = 1\n", "9:1", "unknown key \"counts\" in [workers]"},
      {"[observe]\nadress = 'x'\n", "9:1", "unknown key \"adress\" in [observe]"},
      {"[log]\nfile = 'x'\n", "9:1", "unknown key \"file\" in [log]"},
      {"[drain]\ntime = '1 s'\n", "9:1", "unknown key \"time\" in [drain]"},
      {"[broker.tls]\nca = 'x'\ncert = 'x'\n", "10:1", "unknown key \"cert\" in tls of [broker]"},
      {"[broker.limits]\n", "8:9", "unknown key \"limits\" in [broker]"},
      {"[policy.files2]\n", "8:9", "unknown key \"files2\" in [policy]"},
      // Types.
      {"max_connections = '1'\n", "8:19", "is a string ('1'), not an integer"},
      {"max_connections = 1.5\n", "8:19", "is a floating-point number (1.5), not an integer"},
      {"max_connections = true\n", "8:19", "is a boolean (true), not an integer"},
      {"max_connections = 1979-05-27\n", "8:19", "is a date or time"},
      {"max_connections = [1]\n", "8:19", "is an array, not an integer"},
      {"max_connections = {}\n", "8:19", "is a table, not an integer"},
      {"tls = true\n", "8:7", "is a boolean (true), not a table"},
      {"[[listener.tls]]\n", "8:1", "is an array, not a table"},
      {"[[workers]]\ncount = 1\n", "8:1", "write [workers] in single brackets"},
      {"[observe]\naudit_log = 'journal'\n", "9:13", "or \"journald\""},
      {"[observe]\naudit_format = 'cef'\n", "9:16", "\"native\", \"ecs\", \"ocsf\""},
      {"[observe]\ninstance = 'a b'\n", "9:12", "is not a name"},
      {"[observe]\naudit_bytes_burst = '1 KiB'\n", "9:21", "64 KiB to 1 GiB"},
      {"[admin]\nsocket = 'syslog'\n", "9:10", "is a word"},
      {"[log]\nlevel = 3\n", "9:9", "is an integer (3), not a string"},
      {"[log]\nlevel = 'loud'\n", "9:9", "\"debug\", \"info\", \"warn\", \"error\""},
      {"[log]\nlevel = ''\n", "9:9", "is not known"},
      {"limits = { bridges = 'yes' }\n", "8:22", "write true or false"},
      {"limits = { control_characters = 'allow' }\n", "8:33", "accepted: \"refuse\", \"pass\""},
      {"limits = { control_characters = false }\n", "8:33", "not a string"},
      // Ranges.
      {"max_connections = 0\n", "8:19", "accepted: 1 to 10000000"},
      {"max_connections = -1\n", "8:19", "max_connections = -1 in [[listener]]"},
      {"max_connections = 99999999999999999999\n", "8:19", "99999999999999999999"},
      {"max_connections_per_address = 0\n", "8:31", "accepted: 1 to"},
      {"connects_per_client = 1\n", "8:23", "has no unit"},
      {"connects_per_client = '0/s'\n", "8:23", "out of range"},
      {"connects_per_client = '1 KiB/s'\n", "8:23", "connects_per_client"},
      {"connects_per_client = '1/s'\nconnect_burst = 0\n", "9:17", "accepted: 1 to 1000"},
      {"connects_per_client = '1/s'\nconnect_burst = 1001\n", "9:17", "accepted: 1 to 1000"},
      {"connect_burst = 3\n", "8:1", "needs \"connects_per_client\""},
      {"[workers]\ncount = 0\n", "9:9", "accepted: 1 to 256"},
      {"[workers]\ncount = 257\n", "9:9", "accepted: 1 to 256"},
      {"[workers]\ncount = 'auto'\n", "9:9", "not an integer"},
      {"[observe]\naudit_queue = 15\n", "9:15", "accepted: 16 to 1000000"},
      {"[observe]\naudit_queue = 1000001\n", "9:15", "accepted: 16 to 1000000"},
      {"low_water = '128 KiB'\n", "8:1", "is not below high_water = \"128 KiB\" in [[listener]]"},
      {"high_water = '32 KiB'\n", "8:1", "low_water = \"32 KiB\" is not below"},
      {"choke_water = '127 KiB'\n", "8:1", "is below high_water = \"128 KiB\" in [[listener]]"},
      {"high_water = '512 KiB'\n", "8:1", "choke_water = \"256 KiB\" is below high_water"},
      {"max_proxy_header = '106 B'\n", "8:20", "accepted: 107 B to 65551 B"},
      {"address_prefix_v4 = 33\n", "8:21", "accepted: 0 to 32"},
      {"address_prefix_v6 = 129\n", "8:21", "accepted: 0 to 128"},
      {"proxy_protocol = []\n", "8:18", "proxy_protocol"},
      {"proxy_protocol = ['10.0.0.0/8', 'lb.example']\n", "8:33",
       "proxy_protocol in [[listener]] \"devices\": address \"lb.example\" is not an IP address"},
      {"proxy_protocol = '10.0.0.1/8'\n", "8:18", "write 10.0.0.0/8 for the network"},
      {"[connections]\nmax = 0\n", "9:7", "accepted: 1 to 10000000"},
      {"[turn]\nread_bytes = '129 KiB'\n", "9:14", "accepted: 4 KiB to 128 KiB"},
      {"[accept]\npause = '9 ms'\n", "9:9", "accepted: 10 ms to 10 s"},
      {"[ledger]\nmeters = 1023\n", "9:10", "accepted: 1024 to 16777216"},
      {"[login]\nthreads = 4\n", "9:1", "unknown key \"threads\" in [login]"},
      {"[observe]\naudit_crowd = 0\n", "9:15", "accepted: 1 to 1000"},
      {"[admin]\nquestions = 257\n", "9:13", "accepted: 1 to 256"},
      {"[admin]\nquestion = 2\n", "9:1", "did you mean \"questions\"?"},
      {"[drain]\ntimeout = '11 min'\n", "9:11", "accepted: 0 ms to 10 min"},
      {"limits = { max_packet = '127 B' }\n", "8:25", "accepted: 128 B to 256 MiB"},
      {"limits = { max_packet = '257 MiB' }\n", "8:25", "accepted: 128 B to 256 MiB"},
      {"limits = { max_packet = '5000000000 B' }\n", "8:25", "out of range"},
      {"limits = { max_packet_before_connect = '2 MiB' }\n", "8:40", "accepted: 128 B to 1 MiB"},
      {"limits = { max_packet_before_connect = '512 KiB' }\n", "8:40", "is more than max_packet"},
      {"limits = { connect_timeout = '99 ms' }\n", "8:30", "accepted: 100 ms to 10 min"},
      {"limits = { max_topic_length = '64 KiB' }\n", "8:31", "accepted: 1 B to 65535 B"},
      {"limits = { max_topic_length = '0 B' }\n", "8:31", "out of range"},
      {"limits = { max_topic_levels = 0 }\n", "8:31", "accepted: 1 to 65535"},
      {"limits = { max_topic_levels = 65536 }\n", "8:31", "accepted: 1 to 65535"},
      {"limits = { max_client_id_length = '0 B' }\n", "8:35", "out of range"},
      {"limits = { max_filters = 0 }\n", "8:26", "accepted: 1 to 4096"},
      {"limits = { max_user_properties = 65536 }\n", "8:34", "accepted: 0 to 65535"},
      {"limits = { max_user_property_bytes = '1 GiB' }\n", "8:38", "out of range"},
      {"limits = { max_topic_aliases = 65536 }\n", "8:32", "accepted: 0 to 65535"},
      {"limits = { max_qos2_in_flight = 0 }\n", "8:33", "accepted: 1 to 65535"},
      {"limits = { max_requests = 0 }\n", "8:27", "accepted: 1 to 65535"},
      {"limits = { max_keep_alive = '0 s' }\n", "8:29", "accepted: 1 s to 65535 s"},
      {"limits = { max_keep_alive = '19 h' }\n", "8:29", "out of range"},
      {"limits = { max_keep_alive = '1500 ms' }\n", "8:29", "not whole seconds"},
      {"limits = { min_keep_alive = '0 s' }\n", "8:29", "accepted: 1 s to 65535 s"},
      {"limits = { min_keep_alive = '1500 ms' }\n", "8:29", "not whole seconds"},
      {"limits = { min_keep_alive = '21 min' }\n", "8:29", "is more than max_keep_alive"},
      {"limits = { min_keep_alive = '21 min' }\n", "8:29", "the other one is \"20 min\""},
      {"limits = { mqtt3_keep_alive = 'drop' }\n", "8:31", "accepted: \"refuse\", \"pass\""},
      {"limits = { max_will_payload = '64 KiB' }\n", "8:31", "accepted: 0 B to 65535 B"},
      {"limits = { max_subscriptions = 65536 }\n", "8:32", "accepted: 0 to 65535"},
      {"limits = { client_id_characters = 'z-a' }\n", "8:35", "which runs backwards"},
      {"limits = { client_id_characters = 'z-a' }\n", "8:35", "such as \"A-Za-z0-9._:-\""},
      {"limits = { client_id_characters = '' }\n", "8:35", "is empty"},
      {"limits = { client_id_characters = ['a'] }\n", "8:35", "is an array, not a string"},
      // Units.
      {"limits = { max_packet = 65536 }\n", "8:25", "max_packet = 65536 in limits of"},
      {"limits = { max_packet = 65536 }\n", "8:25", "has no unit\nwrite a size such as \"64 KiB\""},
      {"limits = { max_packet = '65536' }\n", "8:25", "has no unit"},
      {"limits = { max_packet = '64 kilobytes' }\n", "8:25", "unknown unit \"kilobytes\""},
      {"limits = { max_packet = true }\n", "8:25", "is a boolean (true), not a size"},
      {"limits = { max_client_id_length = 23 }\n", "8:35", "has no unit"},
      {"limits = { max_keep_alive = 1200 }\n", "8:29", "write a duration such as \"10 s\""},
      {"limits = { max_keep_alive = 1200.0 }\n", "8:29", "has no unit"},
      {"limits = { connect_timeout = '10' }\n", "8:30", "units are ms, s, min, h, d"},
      {"[drain]\ntimeout = 10\n", "9:11", "has no unit"},
      {"[drain]\ntimeout = '10 S'\n", "9:11", "unknown unit \"S\""},
      // TLS.
      {"tls = {}\n", "8:7", "has no \"certificate\""},
      {"tls = {}\n", "8:7", "has no \"key\""},
      {"tls = { certificate = '', key = 'b' }\n", "8:23", "is empty"},
      {"tls = { certificate = ['a'], key = 'b' }\n", "8:23", "is an array, not a string"},
      {"tls = { certificate = 'a', key = 'b', client_certificate = 'required' }\n", "8:60",
       "needs a \"client_ca\""},
      {"tls = { certificate = 'a', key = 'b', client_certificate = 'optional' }\n", "8:60",
       "needs a \"client_ca\""},
      {"tls = { certificate = 'a', key = 'b', client_certificate = 'yes' }\n", "8:60",
       "accepted: \"none\", \"optional\", \"required\""},
      {"tls = { certificate = 'a', key = 'b', client_ca = 'c', client_certificate = 'none' }\n",
       "8:77", "contradicts \"client_ca\""},
      {"tls = { certificate = 'a', key = 'b', min_version = '1.1' }\n", "8:53",
       "accepted: \"1.2\", \"1.3\""},
      {"tls = { certificate = 'a', key = 'b', min_version = 1.2 }\n", "8:53", "not a string"},
      {"[broker.tls]\n", "8:1", "tls of [broker] has no \"ca\""},
      {"[broker.tls]\nca = 'a'\nkey = 'b'\n", "8:1", "has no \"certificate\""},
      {"[broker.tls]\nca = 'a'\ncertificate = 'b'\n", "8:1", "has no \"key\""},
      {"[broker.tls]\nca = 'a'\nserver_name = 'a b'\n", "10:15", "not a name or an address"},
      {"[broker.tls]\nca = 'a'\nmin_version = '3'\n", "10:15", "accepted: \"1.2\", \"1.3\""},
      // Addresses and names.
      {"[[listener]]\nname = 'b'\naddress = 'localhost:1'\n", "10:11", "not an address of this"},
      {"[[listener]]\nname = 'b'\naddress = '0.0.0.0'\n", "10:11", "has no port"},
      {"[[listener]]\nname = 'b'\naddress = 8883\n", "10:11", "is an integer (8883), not a string"},
      {"[[listener]]\nname = 'b'\naddress = ''\n", "10:11", "is empty"},
      {"[[listener]]\nname = ''\naddress = '[::]:1'\n", "9:8", "is empty"},
      {"[[listener]]\nname = 'a b'\naddress = '[::]:1'\n", "9:8", "is not a name"},
      {"[[listener]]\nname = 'devices'\naddress = '[::]:1'\n", "9:8", "is used twice"},
      {"[[listener]]\nname = 'b'\naddress = '0.0.0.0:8883'\n", "10:11", "already used in line 7"},
      {"[[listener]]\nname = 'b'\naddress = '127.0.0.1:1883'\n", "10:11", "dial itself"},
      {"[[listener]]\nname = 'b'\naddress = '0.0.0.0:1883'\n", "10:11", "already used in line 2"},
      {"[observe]\naddress = '0.0.0.0:8883'\n", "9:11", "already used in line 7"},
      {"[observe]\naddress = 'localhost:9464'\n", "9:11", "not an address of this machine"},
      {"[observe]\naddress = ':9464'\n", "9:11", "has no host"},
      {"[observe]\naudit_log = ''\n", "9:13", "is empty"},
      {"[observe]\naudit_log = true\n", "9:13", "not a string"},
  };
  for (const Bad& bad : cases) {
    CAPTURE(bad.text);
    const auto result = test::gateway(std::string(test::kGateway) + std::string(bad.text));
    REQUIRE(!result.has_value());
    CAPTURE(all(result.error()));
    CHECK(test::has(result.error(), bad.where, bad.fragment));
    CHECK(result.error().size() <= 2);
  }
}

TEST_CASE("bad values in the tables that every file has") {
  const Bad cases[] = {
      {"[broker]\nadress = 'x'\n", "2:1", "did you mean \"address\"?"},
      {"[broker]\naddress = 'broker'\n", "2:11", "address = 'broker' in [broker] has no port"},
      {"[broker]\naddress = 'a b:1'\n", "2:11", "holds a blank"},
      {"[broker]\nconnect_timeout = 5\n", "2:19", "has no unit"},
      {"[broker]\nconnect_timeout = '1 ms'\n", "2:19", "accepted: 100 ms to 10 min"},
      {"[broker]\nconnack_timeout = '1 h'\n", "2:19", "accepted: 100 ms to 10 min"},
      {"[broker]\non_bad_delivery = 'ignore'\n", "2:19", "disconnect"},
      {"[broker]\ndeviations = 'drop'\n", "2:14", "refuse"},
      {"[broker]\nserver_references = ['a', 'mqtt://b:1']\n", "2:27",
       "\"mqtt://b:1\" names no server"},
      {"[broker]\nserver_references = ['a b']\n", "2:22", "no scheme"},
      {"broker = 'localhost:1883'\n", "1:10", "is a string ('localhost:1883'), not a table"},
      {"[[broker]]\naddress = 'a:1'\n", "1:1", "write [broker] in single brackets"},
      {"[listener]\nname = 'a'\n", "1:1", "in double brackets"},
      {"listener = ['a']\n", "1:13", "is a string ('a'), not a table"},
      {"[policy]\nfiles = []\n", "2:9", "is empty"},
      {"[policy]\nfiles = ['']\n", "2:10", "holds an empty string"},
      {"[policy]\nfiles = ['a', 1]\n", "2:15", "is an integer (1), not a string"},
      {"[policy]\nfiles = 1\n", "2:9", "not a string or an array of strings"},
      {"[policy]\nfile = 'a'\n", "2:1", "did you mean \"files\"?"},
      {"[policy.files]\na = 1\n", "1:1", "is a table, not a string or an array"},
  };
  for (const Bad& bad : cases) {
    CAPTURE(bad.text);
    const auto result = test::gateway(bad.text);
    REQUIRE(!result.has_value());
    CAPTURE(all(result.error()));
    CHECK(test::has(result.error(), bad.where, bad.fragment));
  }
}

TEST_CASE("more servers than MQTT has room for in one string") {
  const std::string server(9'999, 's');
  const auto listed = [&server](int count) {
    std::string text = "[drain]\nserver_references = [\n";
    for (int i = 0; i < count; ++i) text += "'" + server + "',\n";
    return test::gateway(text + "]\n");
  };
  // With a space between two of them: 59,999 and 69,999 bytes.
  const std::string_view found = "is longer than 65535 bytes";
  CHECK_FALSE(test::has(listed(6).error(), "2:1", found));
  CHECK(test::has(listed(7).error(), "2:1", found));
}

TEST_CASE("all errors come at once, in the order of the file") {
  const auto result = test::gateway(
      "[broker]\naddress = 'x'\nfoo = 1\n[workers]\ncount = 0\n[[listener]]\nname = 5\n"
      "tls = { key = 1 }\n[log]\nlevel = 1\n[policy]\nfiles = 3\n");
  REQUIRE(!result.has_value());
  std::string places;
  for (const Diagnostic& diagnostic : result.error()) places += test::place(diagnostic) + " ";
  CHECK(places == "2:11 3:1 5:9 6:1 7:8 8:7 8:15 10:9 12:9 ");
}

TEST_CASE("what could be read of a bad file is there for those who look on") {
  const Folder folder;
  Diagnostics diagnostics;
  const GatewayOptions options = load_gateway(
      folder.write("gateway.toml", std::string(test::kGateway) + "foo = 1\n[workers]\ncount = 3\n"),
      diagnostics);
  CHECK(diagnostics.size() == 1);
  CHECK(options.workers == 3);
  CHECK(options.policy_files.size() == 1);
}

}  // namespace
}  // namespace sallyport::config
