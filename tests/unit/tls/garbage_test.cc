#include <array>
#include <vector>

#include <doctest/doctest.h>

#include "cuts.h"
#include "pair.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

using State = Engine::State;

/// A fatal alert in clear: record type 21.
bool is_alert(Bytes cipher) { return cipher.size() >= 7 && cipher[0] == 21; }

}  // namespace

TEST_CASE("what is not TLS is refused with an alert") {
  struct Case {
    std::string bytes;
    std::string expected;
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n"s, "not TLS: an HTTP request"},
      {"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"s, "not TLS, or a damaged record"},
      {"SSH-2.0-OpenSSH_9.2\r\n"s, "not TLS, or a damaged record"},
      {"\x16\x03\x01\xff\xff\x01\x00\x00\x00\x00"s, ""},  // a record longer than any may be
      {"\x17\x03\x03\x00\x05hello"s, ""},                 // application data first
      {"\x15\x03\x03\x00\x02\x02\x28"s,
       "peer's alert: handshake failure (nothing in common, or no certificate shown)"},
      {"\x15\x03\x03\x00\x02\x01\x00"s,  // close_notify
       "peer ended the connection in the middle of the handshake"},
      {"\x16\x03\x01\x00\x04\x01\x00\x00\x00"s, ""},  // ClientHello of no bytes
      {"\x16\x03\x01\x00\x04\x01\xff\xff\xff"s,
       "a handshake message is too large (certificates: max_chain_bytes)"},
  };
  const Context::Ptr server = load(pki().server());
  const Context::Ptr client = load(pki().client());
  for (const Case& one : cases) {
    for (const bool to_server : {true, false}) {
      CAPTURE(one.bytes);
      CAPTURE(to_server);
      End end(to_server ? server : client);
      end.engine.start(end.cipher);
      end.cipher.clear();
      CHECK(end.engine.feed(as_bytes(one.bytes), end.plain, end.cipher) == State::failed);
      CHECK(end.plain.empty());
      CHECK_FALSE(end.engine.failure().text.empty());
      if (to_server && !one.expected.empty()) CHECK(end.engine.failure().text == one.expected);
      // A failed engine stays so and does nothing any more.
      const std::size_t size = end.cipher.size();
      CHECK(end.engine.feed(as_bytes(one.bytes), end.plain, end.cipher) == State::failed);
      const std::array<Bytes, 1> segments = {as_bytes("x")};
      CHECK(end.engine.send(segments, end.cipher) == State::failed);
      end.engine.close(end.cipher);
      CHECK(end.cipher.size() == size);
    }
  }
}

TEST_CASE("noise never crashes an engine") {
  const Context::Ptr server = load(pki().server(ClientCertificate::required));
  const Context::Ptr client = load(pki().client());
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    End end(seed % 2 == 0 ? server : client);
    end.engine.start(end.cipher);
    std::vector<std::uint8_t> bytes = noise(64 + seed % 500, seed);
    if (seed % 3 != 0) {  // get past the record layer
      bytes[0] = static_cast<std::uint8_t>(20 + seed % 4);
      bytes[1] = 3;
      bytes[2] = 3;
      bytes[3] = 0;
      bytes[4] = static_cast<std::uint8_t>(seed % 60);
    }
    Randomly cut(seed, 50);
    for (Bytes rest = bytes; !rest.empty();) {
      const std::size_t n = std::min(cut.next(), rest.size());
      end.engine.feed(rest.first(n), end.plain, end.cipher);
      rest = rest.subspan(n);
    }
    REQUIRE(end.engine.state() != State::open);
    REQUIRE(end.plain.empty());
  }
}

TEST_CASE("a handshake with any one byte changed never ends well, nor badly") {
  for (const bool client_speaks : {true, false}) {
    CAPTURE(client_speaks);
    const Context::Ptr server = load(pki().server());
    const Context::Ptr client = load(pki().client());
    std::size_t length = 1;
    for (std::size_t at = 0; at < length; ++at) {
      Pair pair(server, client);
      pair.client.engine.start(pair.client.cipher);
      Cut all;
      if (!client_speaks) Pair::carry(pair.client, pair.server, all);
      Buffer& flight = client_speaks ? pair.client.cipher : pair.server.cipher;
      length = flight.size();  // signatures differ in length
      if (at >= length) break;
      std::vector<std::uint8_t> changed(flight.bytes().begin(), flight.bytes().end());
      changed[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
      flight.clear();
      flight.append(changed);
      pair.pump();
      // Of a record in clear only the version in its header means nothing.
      const bool means_nothing = at == 1 || at == 2;
      CHECK_MESSAGE((!pair.open() || means_nothing), at);
    }
    CHECK(length > 100);
  }
}

TEST_CASE("a changed byte in a record fails the connection with an alert") {
  const Context::Ptr server = load(pki().server());
  const Context::Ptr client = load(pki().client());
  Pair sample(server, client);
  sample.shake_hands();
  const std::array<Bytes, 1> segments = {as_bytes("sixteen bytes !!")};
  sample.client.engine.send(segments, sample.client.cipher);
  const std::size_t length = sample.client.cipher.size();
  for (std::size_t at = 0; at < length; at += 3) {
    CAPTURE(at);
    Pair pair(server, client);
    pair.shake_hands();
    REQUIRE(pair.open());
    pair.client.engine.send(segments, pair.client.cipher);
    std::vector<std::uint8_t> changed(pair.client.cipher.bytes().begin(),
                                      pair.client.cipher.bytes().end());
    changed[at] ^= 0x40;
    pair.server.engine.feed(changed, pair.server.plain, pair.server.cipher);
    CHECK(pair.server.plain.empty());
    if (at == 3)
      continue;  // the length grew by 16 KiB: the record waits for its rest, or is refused
    CHECK(pair.server.engine.state() == State::failed);
    CHECK_FALSE(pair.server.cipher.empty());
    pair.pump();
    CHECK(pair.client.engine.state() == State::failed);
  }
}

TEST_CASE("records without data are bounded") {
  // An alert of level "warning" again and again, in clear, before the handshake.
  End end(load(pki().server()));
  constexpr auto kWarning = "\x15\x03\x03\x00\x02\x01\x5a"sv;  // user_canceled
  int sent = 0;
  while (end.engine.state() == State::opening && sent < 1000) {
    end.engine.feed(as_bytes(kWarning), end.plain, end.cipher);
    ++sent;
  }
  CHECK(end.engine.state() == State::failed);
  CHECK(sent <= 16);
}

TEST_CASE("a plain refusal is an alert in clear") {
  End end(load(pki().server()));
  end.engine.feed(as_bytes("\x16\x03\x01\x00\x04\x01\x00\x00\x00"sv), end.plain, end.cipher);
  CHECK(is_alert(end.cipher.bytes()));
}
