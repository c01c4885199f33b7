#include "config/endpoint.h"

#include <utility>

#include <doctest/doctest.h>

namespace sallyport::config {
namespace {

Endpoint at(std::string_view text) { return parse_endpoint(text).value(); }

TEST_CASE("addresses and names with a port") {
  for (const char* text : {"127.0.0.1:1883", "[::1]:8883", "[::]:1", "broker.local:65535",
                           "my_broker:1883", "[fe80::1%eth0]:8883", "a.b.c.:1", "localhost:1883",
                           "xn--bcher-kva.example:1883", "1883.example:1"}) {
    CAPTURE(text);
    REQUIRE(parse_endpoint(text).has_value());
    CHECK(at(text).to_string() == text);
  }
  CHECK(at("[::1]:8883").host == "::1");
  CHECK(at("[::1]:8883").port == 8883);
}

TEST_CASE("what is not an address says why") {
  const std::pair<const char*, const char*> cases[] = {
      {"127.0.0.1", "has no port"},
      {"127.0.0.1:", "has no port"},
      {"[::1]", "has no port"},
      {"[::1]8883", "has no port"},
      {":1883", "has no host"},
      {"::1:8883", "without brackets"},
      {"[::1:8883", "'[' without ']'"},
      {"[]:1", "does not hold an IPv6 address"},
      {"[127.0.0.1]:1", "does not hold an IPv6 address"},
      {"[fe80::1%]:1", "does not hold an IPv6 address"},
      {"[fe80::1%a b]:1", "holds a blank"},
      {"127.0.0.1:0", "out of range"},
      {"127.0.0.1:65536", "out of range"},
      {"127.0.0.1:99999999999999999999", "out of range"},
      {"127.0.0.1:x", "not a number"},
      {"127.0.0.1:18 83", "holds a blank"},
      {"127.0.0.1:-1", "not a number"},
      {"127.0.0.1:+1", "not a number"},
      {"300.0.0.1:1883", "neither an address nor a host name"},
      {"127.1:1883", "neither an address nor a host name"},
      {"a..b:1", "neither an address nor a host name"},
      {"-a:1", "neither an address nor a host name"},
      {"a b:1", "holds a blank"},
      {"mqtt//broker:1", "holds a path"},
      {"b\xC3\xBC"
       "cher:1",
       "neither an address nor a host name"},
      {"mqtt://broker:1883", "is a URL"},
      {"", "has no port"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    const auto result = parse_endpoint(text);
    REQUIRE(!result.has_value());
    CAPTURE(result.error());
    CHECK(result.error().find(why) != std::string::npos);
  }
  CHECK(!is_host_name(std::string(64, 'a')));
  CHECK(is_host_name(std::string(63, 'a')));
  CHECK(!is_host_name(std::string(300, 'a')));
}

TEST_CASE("the same address is seen however it is written") {
  CHECK(same_address(at("[::1]:1"), at("[0:0::1]:1")));
  CHECK(!same_address(at("[::1]:1"), at("[::1]:2")));
  CHECK(!same_address(at("[fe80::1%a]:1"), at("[fe80::1%b]:1")));
  CHECK(same_address(at("broker:1"), at("broker:1")));
  CHECK(!same_address(at("0.0.0.0:1"), at("[::]:1")));
}

TEST_CASE("a broker behind the gateway's own listener is a loop") {
  CHECK(reaches(at("127.0.0.1:1883"), at("127.0.0.1:1883")));
  CHECK(reaches(at("127.0.0.1:1883"), at("0.0.0.0:1883")));
  CHECK(reaches(at("127.0.0.2:1883"), at("0.0.0.0:1883")));
  CHECK(reaches(at("[::1]:1883"), at("[::]:1883")));
  CHECK(reaches(at("127.0.0.1:1883"), at("[::]:1883")));
  CHECK(reaches(at("localhost:1883"), at("0.0.0.0:1883")));
  CHECK(reaches(at("localhost:1883"), at("127.0.0.1:1883")));
  CHECK(!reaches(at("127.0.0.1:1884"), at("0.0.0.0:1883")));
  CHECK(!reaches(at("127.0.0.1:1883"), at("192.0.2.1:1883")));
  CHECK(!reaches(at("broker.example:1883"), at("0.0.0.0:1883")));
  CHECK(!reaches(at("192.0.2.7:1883"), at("0.0.0.0:1883")));
}

}  // namespace
}  // namespace sallyport::config
