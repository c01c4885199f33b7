#include "transport/proxy_header.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "support/proxy_wire.h"

using namespace sallyport;
using namespace sallyport::transport;
using namespace std::string_literals;
using State = Layer::State;

namespace {

constexpr std::size_t kMost = 4096;

struct Outcome {
  State state = State::opening;
  std::string address;  // empty: none
  std::string rest;
};

Outcome read(std::string_view bytes, std::size_t most = kMost) {
  ProxyHeader header(most);
  Buffer inner;
  Buffer out;
  Outcome outcome;
  outcome.state = header.feed(as_bytes(bytes), inner, out);
  PeerFacts facts;
  header.tell(facts);
  if (facts.address) outcome.address = to_string(*facts.address);
  outcome.rest = as_text(inner.bytes());
  CHECK(out.empty());
  if (outcome.state == State::failed) {
    CHECK(header.failure().check == Check::proxy_header);
    CHECK_FALSE(header.failure().text.empty());
    CHECK(outcome.address.empty());
    CHECK(outcome.rest.empty());
  }
  return outcome;
}

std::string line(std::string_view words) { return "PROXY " + std::string(words) + "\r\n"; }

std::string tlv(std::string_view value) {
  return "\x04"s + static_cast<char>(value.size() >> 8) + static_cast<char>(value.size() & 0xFF) +
         std::string(value);
}

/// Version 2 over TCP and IPv4, with so many bytes of body.
std::string v4(std::string_view body) { return wire::proxy_v2(0x21, 0x11, body); }

const std::string kV4Body = "\xc0\x00\x02\x01\xc6\x33\x64\x01\x9c\x40\x22\xb3"s;

}  // namespace

TEST_CASE("PROXY v1: the address that the header tells counts") {
  struct Case {
    std::string words;
    std::string address;
  };
  const Case cases[] = {
      {"TCP4 192.0.2.1 198.51.100.1 40000 8883", "192.0.2.1"},
      {"TCP4 255.255.255.255 0.0.0.0 65535 0", "255.255.255.255"},
      {"TCP6 2001:db8::1 2001:db8::2 1 2", "2001:db8::1"},
      {"TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
       "65535",
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"TCP6 ::ffff:192.0.2.1 ::1 1 2", "192.0.2.1"},
      {"UNKNOWN", ""},
      {"UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535", ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.words);
    const Outcome outcome = read(line(one.words) + "and more");
    CHECK(outcome.state == State::passed);
    CHECK(outcome.address == one.address);
    CHECK(outcome.rest == "and more");
  }
}

TEST_CASE("PROXY v1: what is not exactly so is refused") {
  const std::string cases[] = {
      line("TCP4 192.0.2.1 198.51.100.1 40000"),
      line("TCP4 192.0.2.1 198.51.100.1 40000 8883 1"),
      line("TCP4 192.0.2.1 198.51.100.1 40000 8883 "),
      line("TCP4  192.0.2.1 198.51.100.1 40000 8883"),
      line(" TCP4 192.0.2.1 198.51.100.1 40000 8883"),
      line("TCP4 192.0.2.1 198.51.100.1 040000 8883"),
      line("TCP4 192.0.2.1 198.51.100.1 65536 8883"),
      line("TCP4 192.0.2.1 198.51.100.1 -1 8883"),
      line("TCP4 192.0.2.1 198.51.100.1 40000 x"),
      line("TCP4 192.0.2.01 198.51.100.1 40000 8883"),
      line("TCP4 192.0.2.256 198.51.100.1 40000 8883"),
      line("TCP4 192.0.2 198.51.100.1 40000 8883"),
      line("TCP4 ::1 ::1 40000 8883"),
      line("TCP4 192.0.2.1 ::1 40000 8883"),
      line("TCP6 192.0.2.1 198.51.100.1 40000 8883"),
      line("TCP6 2001:db8::1%eth0 ::1 40000 8883"),
      line("TCP4 192.0.2.1\0 198.51.100.1 40000 8883"s),
      line("UDP4 192.0.2.1 198.51.100.1 40000 8883"),
      line("tcp4 192.0.2.1 198.51.100.1 40000 8883"),
      line("UNKNOWNS"),
      line(""),
      "PROXY TCP4 192.0.2.1 198.51.100.1 40000 8883\n"s,
      "PROXY TCP4 192.0.2.1 198.51.100.1 40000 8883\rX\n"s,
      "PROXY\tTCP4 192.0.2.1 198.51.100.1 40000 8883\r\n"s,
      "proxy TCP4 192.0.2.1 198.51.100.1 40000 8883\r\n"s,
      "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"s,
      "\x16\x03\x01\x02\x00"s,
      "GET / HTTP/1.1\r\n"s,
  };
  for (const std::string& one : cases) {
    CAPTURE(one);
    CHECK(read(one + "and more").state == State::failed);
  }
}

TEST_CASE("PROXY v1: 107 bytes are the most that is waited for") {
  const std::string start = "PROXY UNKNOWN ";
  const std::string most = start + std::string(ProxyHeader::kMostText - start.size() - 2, 'x');
  CHECK(read(most + "\r\n").state == State::passed);
  CHECK(read(most + "x").state == State::opening);
  CHECK(read(most + "xx").state == State::failed);
  CHECK(read(most + "x\r\n").state == State::failed);
  CHECK(read(line("UNKNOWN"), 10).state == State::failed);
}

TEST_CASE("PROXY v2: commands, families and extensions") {
  const std::string v6_body =
      std::string(15, '\0') + "\x01" + std::string(15, '\0') + "\x02" + "\x9c\x40\x22\xb3"s;
  struct Case {
    std::string header;
    std::string address;
  };
  const Case cases[] = {
      {v4(kV4Body), "192.0.2.1"},
      {v4(kV4Body + tlv("")), "192.0.2.1"},
      {v4(kV4Body + tlv("some") + tlv(std::string(300, 'x'))), "192.0.2.1"},
      {wire::proxy_v2(0x21, 0x21, v6_body), "::1"},
      {wire::proxy_v2(0x21, 0x21, v6_body + tlv("x")), "::1"},
      {wire::proxy_v2(0x20, 0x11, kV4Body), ""},  // LOCAL: whatever follows is ignored
      {wire::proxy_v2(0x20, 0x00, ""), ""},
      {wire::proxy_v2(0x20, 0xFF, "abc"), ""},
      {wire::proxy_v2(0x21, 0x00, ""), ""},  // UNSPEC
      {wire::proxy_v2(0x21, 0x00, "anything"), ""},
      {wire::proxy_v2(0x21, 0x31, std::string(216, '/')), ""},  // Unix
      {wire::proxy_v2(0x21, 0x31, std::string(216, '/') + tlv("x")), ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.header);
    const Outcome outcome = read(one.header + "and more");
    CHECK(outcome.state == State::passed);
    CHECK(outcome.address == one.address);
    CHECK(outcome.rest == "and more");
  }
}

TEST_CASE("PROXY v2: what is not exactly so is refused") {
  std::string other_signature = v4(kV4Body);
  other_signature[11] = 'x';
  const std::string cases[] = {
      other_signature,
      wire::proxy_v2(0x11, 0x11, kV4Body),  // version
      wire::proxy_v2(0x31, 0x11, kV4Body),
      wire::proxy_v2(0x22, 0x11, kV4Body),  // command
      wire::proxy_v2(0x21, 0x12, kV4Body),  // UDP
      wire::proxy_v2(0x21, 0x22, std::string(36, 'x')),
      wire::proxy_v2(0x21, 0x32, std::string(216, 'x')),  // Unix, datagrams
      wire::proxy_v2(0x21, 0x10, kV4Body),                // no transport
      wire::proxy_v2(0x21, 0x41, kV4Body),                // family
      v4(kV4Body.substr(1)),                              // too short for the addresses
      v4(""),
      wire::proxy_v2(0x21, 0x21, std::string(35, 'x')),
      wire::proxy_v2(0x21, 0x31, std::string(215, 'x')),
      v4(kV4Body + "x"),  // no extension
      v4(kV4Body + "\x04\x00"s),
      v4(kV4Body + "\x04\x00\x01"s),  // longer than the header
      v4(kV4Body + tlv("x") + "\x04\xff\xff"s),
  };
  for (const std::string& one : cases) {
    CAPTURE(one);
    CHECK(read(one + std::string(70'000, 'm')).state == State::failed);
  }
}

TEST_CASE("PROXY v2: a header over the bound is refused before it is read") {
  const std::string header = v4(kV4Body + tlv("0123456789"));
  CHECK(read(header, header.size()).state == State::passed);
  CHECK(read(header.substr(0, 16), header.size() - 1).state == State::failed);
  CHECK(read(v4(kV4Body).substr(0, 16), 15).state == State::failed);
}
