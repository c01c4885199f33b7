// Records are no larger than a client asks for, or the listener says.
#include <algorithm>
#include <array>
#include <vector>

#include <doctest/doctest.h>

#include "pair.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;

namespace {

using Data = std::vector<std::uint8_t>;

void put(Data& to, std::initializer_list<unsigned> bytes) {
  for (const unsigned byte : bytes) to.push_back(static_cast<std::uint8_t>(byte));
}

/// The ClientHello of an Engine, with an extension more.
Data client_hello(Bytes original, std::uint16_t type, const Data& value) {
  Data hello(original.begin(), original.end());
  const auto u16 = [&hello](std::size_t at) {
    return static_cast<std::size_t>(hello[at] << 8 | hello[at + 1]);
  };
  const auto set_u16 = [&hello](std::size_t at, std::size_t to) {
    hello[at] = static_cast<std::uint8_t>(to >> 8);
    hello[at + 1] = static_cast<std::uint8_t>(to);
  };
  // record: type, version, length; message: type, length of 3; version, random, session, ciphers,
  // compression, extensions. RFC 8446, 4.1.2
  std::size_t at = 5 + 4 + 2 + 32;
  at += 1U + hello[at];
  at += 2 + u16(at);
  at += 1U + hello[at];
  Data extension;
  const unsigned number = type;
  put(extension, {number >> 8U, number & 0xffU, 0, static_cast<unsigned>(value.size())});
  extension.insert(extension.end(), value.begin(), value.end());
  set_u16(3, u16(3) + extension.size());
  set_u16(7, u16(7) + extension.size());
  set_u16(at, u16(at) + extension.size());
  hello.insert(hello.begin() + static_cast<std::ptrdiff_t>(at) + 2, extension.begin(),
               extension.end());
  return hello;
}

/// The longest record in `bytes`, its header left aside.
std::size_t longest_record(Bytes bytes) {
  std::size_t longest = 0;
  while (bytes.size() >= 5) {
    const std::size_t size = static_cast<std::size_t>(bytes[3] << 8 | bytes[4]);
    longest = std::max(longest, size);
    bytes = bytes.subspan(std::min(bytes.size(), 5 + size));
  }
  return longest;
}

/// The longest record with which a server answers this ClientHello. With a certificate that is
/// longer than any bound here.
std::size_t answer_to(std::uint16_t type, const Data& value, const Context::Ptr& server) {
  End client(load(pki().client()));
  client.engine.start(client.cipher);
  End end(server);
  const Data hello = client_hello(client.cipher.bytes(), type, value);
  end.engine.feed(hello, end.plain, end.cipher);
  REQUIRE(end.engine.state() == Engine::State::opening);
  REQUIRE(end.cipher.size() > 1500);
  return longest_record(end.cipher.bytes());
}

/// A server whose chain is about 6 KiB long.
ServerOptions with_long_chain() {
  Request request{.common_names = {"gateway.test"}, .dns = {"gateway.test"}, .usage = "serverAuth"};
  for (int i = 0; i < 24; ++i) request.dns.push_back(std::string(200, 'x') + std::to_string(i));
  ServerOptions options = pki().server();
  std::tie(options.certificate, options.key) =
      pki().write("long-chain", issue(request, &pki().server_ca));
  return options;
}

constexpr std::uint16_t kMaxFragmentLength = 1;
constexpr std::uint16_t kRecordSizeLimit = 28;
constexpr std::size_t kOverhead = 29;  // of any cipher suite that is offered

}  // namespace

TEST_CASE("max_fragment_length and record_size_limit bound the records of the handshake") {
  const Context::Ptr server = load(with_long_chain());
  struct Case {
    std::uint16_t type;
    Data value;
    std::size_t plaintext;
  };
  const Case cases[] = {
      {kMaxFragmentLength, {1}, 512},         {kMaxFragmentLength, {2}, 1024},
      {kMaxFragmentLength, {3}, 2048},        {kMaxFragmentLength, {4}, 4096},
      {kRecordSizeLimit, {0x03, 0xe8}, 1000}, {kRecordSizeLimit, {0x02, 0x01}, 513},
      {kRecordSizeLimit, {0x00, 0x40}, 512},  // BoringSSL cuts a handshake no smaller
  };
  for (const Case& one : cases) {
    CAPTURE(one.plaintext);
    const std::size_t longest = answer_to(one.type, one.value, server);
    CHECK(longest <= one.plaintext + kOverhead);
    CHECK(longest > one.plaintext / 2);
  }
  // What the RFCs do not have is passed over.
  for (const auto& [type, value] : {std::pair<std::uint16_t, Data>{kMaxFragmentLength, {0}},
                                    {kMaxFragmentLength, {5}},
                                    {kMaxFragmentLength, {}},
                                    {kMaxFragmentLength, {1, 1}},
                                    {kRecordSizeLimit, {0, 63}},
                                    {kRecordSizeLimit, {1}},
                                    {kRecordSizeLimit, {0, 1, 0}},
                                    {40000, {1}}}) {
    CAPTURE(type);
    CHECK(answer_to(type, value, server) > 4096);
  }
}

TEST_CASE("a listener's max_record bounds every record, whatever pieces are sent") {
  for (const std::uint16_t most : std::initializer_list<std::uint16_t>{512, 1000, 4096, 16384}) {
    CAPTURE(most);
    ServerOptions options = with_long_chain();
    options.max_record = most;
    Pair pair(load(options), load(pki().client()));
    pair.client.engine.start(pair.client.cipher);
    Cut all;
    while (!pair.client.cipher.empty()) {
      Pair::carry(pair.client, pair.server, all);
      CHECK(longest_record(pair.server.cipher.bytes()) <= most + kOverhead);
      Pair::carry(pair.server, pair.client, all);
    }
    REQUIRE(pair.open());

    const Data large(100'000, 7);
    const Data small(300, 8);
    const std::vector<Bytes> pieces = {small, small, large, small, Bytes(), large, small};
    pair.server.engine.send(pieces, pair.server.cipher);
    const std::size_t longest = longest_record(pair.server.cipher.bytes());
    CHECK(longest <= most + kOverhead);
    CHECK(longest > most);  // and as few of them as can be
    Pair::carry(pair.server, pair.client, all);
    CHECK(pair.client.plain.size() == 4 * small.size() + 2 * large.size());
  }
}
