#include "observe/visitors.h"

#include <doctest/doctest.h>

#include "observe/http_request.h"

namespace sallyport::observe {

TEST_CASE("nobody is trusted before it was said who is") {
  const Visitors visitors;
  CHECK_FALSE(visitors.trusts({.is_local = true, .host = "localhost", .token = ""}));
}

TEST_CASE("with a token, whoever brings it, and nobody else from anywhere") {
  Visitors visitors;
  visitors.set_token("0123456789abcdef");
  CHECK(visitors.trusts({.is_local = false, .host = "gateway", .token = "0123456789abcdef"}));
  for (const char* wrong : {"", "0123456789abcdeF", "0123456789abcde", "0123456789abcdef0"}) {
    CHECK_FALSE(visitors.trusts({.is_local = true, .host = "localhost", .token = wrong}));
  }
  visitors.set_token("another-one-0123");
  CHECK_FALSE(visitors.trusts({.is_local = true, .host = "x", .token = "0123456789abcdef"}));
}

TEST_CASE("without a token, this machine under a name of this machine") {
  Visitors visitors;
  visitors.set_token("");
  for (const char* name : {"localhost", "LOCALHOST:9464", "127.0.0.1", "127.0.0.1:9464", "[::1]",
                           "[::1]:9464", "127.1.2.3"}) {
    CAPTURE(name);
    CHECK(visitors.trusts({.is_local = true, .host = name}));
    CHECK_FALSE(visitors.trusts({.is_local = false, .host = name}));
  }
  // A page in an operator's browser whose name points here now.
  for (const char* name : {"", "evil.example", "evil.example:9464", "127.evil.example",
                           "localhost.evil.example", "[::1", "::1:", ":", "10.0.0.1", "127"}) {
    CAPTURE(name);
    CHECK_FALSE(visitors.trusts({.is_local = true, .host = name}));
  }
}

TEST_CASE("host and token of a request") {
  const auto request = parse_http_request(
      "GET / HTTP/1.1\r\nHost: localhost:1\r\nAuthorization:  Bearer  abc \r\n\r\n");
  REQUIRE(request);
  CHECK(request->status == 0);
  CHECK(request->host == "localhost:1");
  CHECK(request->bearer == "abc");
  const auto basic = parse_http_request("GET / HTTP/1.1\r\nAuthorization: Basic abc\r\n\r\n");
  REQUIRE(basic);
  CHECK(basic->bearer.empty());
}

}  // namespace sallyport::observe
