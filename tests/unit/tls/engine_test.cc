#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include "cuts.h"
#include "pair.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;

namespace {

using State = Engine::State;

void say(End& end, std::string_view text) {
  const std::array<Bytes, 1> segments = {as_bytes(text)};
  end.engine.send(segments, end.cipher);
}

/// Both ends capped at TLS 1.2, or free to take 1.3.
Pair make_pair(bool newest, ClientCertificate asked = ClientCertificate::none) {
  const Context::Ptr server = load(pki().server(asked));
  const Context::Ptr client = load(pki().device());
  if (!newest) {
    REQUIRE(SSL_CTX_set_max_proto_version(client->native(), TLS1_2_VERSION) == 1);
  }
  return {server, client};
}

/// Number of TLS records in `cipher`, which holds whole ones.
std::size_t records(Bytes cipher) {
  std::size_t count = 0;
  while (!cipher.empty()) {
    REQUIRE(cipher.size() >= 5);
    const std::size_t body = std::size_t{cipher[3]} * 256 + cipher[4];
    REQUIRE(cipher.size() >= 5 + body);
    cipher = cipher.subspan(5 + body);
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("text goes both ways over TLS 1.3 and 1.2") {
  for (const bool newest : {true, false}) {
    CAPTURE(newest);
    Pair pair = make_pair(newest);
    CHECK(pair.client.engine.version() == "");
    CHECK(pair.client.engine.start(pair.client.cipher) == State::opening);
    CHECK_FALSE(pair.client.cipher.empty());
    CHECK(pair.server.engine.start(pair.server.cipher) == State::opening);
    CHECK(pair.server.cipher.empty());
    pair.pump();
    REQUIRE(pair.open());
    CHECK(pair.client.engine.version() == (newest ? "TLSv1.3" : "TLSv1.2"));
    CHECK(pair.server.engine.version() == (newest ? "TLSv1.3" : "TLSv1.2"));
    CHECK(pair.server.engine.peer_certificate() == nullptr);

    say(pair.client, "hello");
    say(pair.server, "welcome");
    pair.pump();
    CHECK(as_text(pair.server.plain.bytes()) == "hello");
    CHECK(as_text(pair.client.plain.bytes()) == "welcome");
    CHECK(pair.server.engine.failure().text == "");
  }
}

TEST_CASE("a handshake may be cut anywhere") {
  for (const bool newest : {true, false}) {
    for (const std::size_t size : {1U, 2U, 3U, 5U, 17U, 100U}) {
      CAPTURE(newest);
      CAPTURE(size);
      Pair pair = make_pair(newest, ClientCertificate::required);
      Every cut(size);
      pair.client.engine.start(pair.client.cipher);
      pair.pump(cut);
      REQUIRE(pair.open());
      REQUIRE(pair.server.engine.peer_certificate() != nullptr);
      CHECK(pair.server.engine.peer_certificate()->common_name == "sensor-7");
    }
  }
}

TEST_CASE("application data may come in the same bytes as the end of the handshake") {
  Pair pair = make_pair(true);
  pair.client.engine.start(pair.client.cipher);
  Cut all;
  Pair::carry(pair.client, pair.server, all);
  Pair::carry(pair.server, pair.client, all);
  REQUIRE(pair.client.engine.state() == State::open);
  say(pair.client, "at once");
  say(pair.client, ", and more");
  Pair::carry(pair.client, pair.server, all);
  CHECK(pair.server.engine.state() == State::open);
  CHECK(as_text(pair.server.plain.bytes()) == "at once, and more");
}

TEST_CASE("a record may be cut at every position") {
  for (const bool newest : {true, false}) {
    CAPTURE(newest);
    Pair pair = make_pair(newest);
    pair.shake_hands();
    REQUIRE(pair.open());
    std::size_t length = 1;
    for (std::size_t at = 1; at <= length; ++at) {
      CAPTURE(at);
      say(pair.client, "one");
      say(pair.client, "two and three");
      length = pair.client.cipher.size();
      Once cut(at);
      Pair::carry(pair.client, pair.server, cut);
      REQUIRE(as_text(pair.server.plain.bytes()) == "onetwo and three");
      pair.server.plain.clear();
    }
    CHECK(length > 40);
  }
}

TEST_CASE("1 MiB goes both ways, cut at random") {
  for (const bool newest : {true, false}) {
    for (const std::uint32_t seed : {1U, 2U, 3U}) {
      CAPTURE(newest);
      CAPTURE(seed);
      Pair pair = make_pair(newest);
      pair.shake_hands();
      REQUIRE(pair.open());
      const std::vector<std::uint8_t> up = noise(std::size_t{1} << 20, seed);
      const std::vector<std::uint8_t> down = noise(std::size_t{1} << 20, seed + 100);

      Randomly pieces(seed, 60'000);
      Randomly cut(seed + 1, 40'000);
      Bytes up_rest = up;
      Bytes down_rest = down;
      while (!up_rest.empty() || !down_rest.empty()) {
        for (auto [rest, end] : {std::pair{&up_rest, &pair.client}, {&down_rest, &pair.server}}) {
          std::array<Bytes, 3> segments;
          for (Bytes& segment : segments) {
            segment = rest->first(std::min(pieces.next(), rest->size()));
            *rest = rest->subspan(segment.size());
          }
          REQUIRE(end->engine.send(segments, end->cipher) == State::open);
        }
        pair.pump(cut);
      }
      CHECK(std::ranges::equal(pair.server.plain.bytes(), up));
      CHECK(std::ranges::equal(pair.client.plain.bytes(), down));
    }
  }
}

TEST_CASE("segments are put into as few records as possible") {
  Pair pair = make_pair(true);
  pair.shake_hands();
  REQUIRE(pair.open());
  const std::vector<std::uint8_t> data = noise(100'000, 7);
  const Bytes all = data;

  struct Case {
    std::string what;
    std::vector<std::size_t> sizes;
    std::size_t records;
  };
  const std::vector<Case> cases = {
      {"nothing", {}, 0},
      {"only empty ones", {0, 0}, 0},
      {"one byte", {1}, 1},
      {"many small ones", std::vector<std::size_t>(200, 50), 1},
      {"small ones that end exactly with a record", std::vector<std::size_t>(128, 128), 1},
      {"small ones over a record's end", std::vector<std::size_t>(129, 128), 2},
      {"head and payload", {20, 4096, 20, 4096}, 1},
      {"a large one alone", {65'536}, 4},
      {"a small one, then a large one", {10, 65'536}, 5},
      {"a large one, then a small one", {65'546, 10}, 5},
      {"large ones with an empty one between", {20'000, 0, 20'000}, 3},
      {"an empty one at the end", {5, 5, 0}, 1},
      {"a full record, then one byte", {16'384, 1}, 2},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    std::vector<Bytes> segments;
    std::size_t total = 0;
    for (const std::size_t size : one.sizes) {
      segments.push_back(all.subspan(total, size));
      total += size;
    }
    CHECK(pair.client.engine.send(segments, pair.client.cipher) == State::open);
    CHECK(records(pair.client.cipher.bytes()) == one.records);
    pair.pump();
    CHECK(std::ranges::equal(pair.server.plain.bytes(), all.first(total)));
    pair.server.plain.clear();
  }
}

TEST_CASE("send appends behind what waits already") {
  Pair pair = make_pair(true);
  pair.shake_hands();
  say(pair.client, "first");
  const std::size_t before = pair.client.cipher.size();
  say(pair.client, "second");
  CHECK(pair.client.cipher.size() > before);
  pair.pump();
  CHECK(as_text(pair.server.plain.bytes()) == "firstsecond");
}

TEST_CASE("a large record arrives where little room was expected") {
  Pair pair = make_pair(true);
  pair.shake_hands();
  const std::vector<std::uint8_t> data = noise(16'000, 3);
  const std::array<Bytes, 1> segments = {Bytes(data)};
  pair.client.engine.send(segments, pair.client.cipher);
  Once cut(pair.client.cipher.size() - 1);  // all but one byte is kept inside
  Pair::carry(pair.client, pair.server, cut);
  CHECK(std::ranges::equal(pair.server.plain.bytes(), data));
}

TEST_CASE("close says goodbye once, after what was sent") {
  for (const bool newest : {true, false}) {
    CAPTURE(newest);
    Pair pair = make_pair(newest);
    pair.client.engine.close(pair.client.cipher);
    CHECK(pair.client.cipher.empty());  // nothing to end yet
    pair.shake_hands();
    REQUIRE(pair.open());

    say(pair.client, "last words");
    pair.client.engine.close(pair.client.cipher);
    const std::size_t size = pair.client.cipher.size();
    pair.client.engine.close(pair.client.cipher);
    say(pair.client, "too late");
    CHECK(pair.client.cipher.size() == size);
    CHECK(pair.client.engine.state() == State::open);

    Buffer record;
    record.append(pair.client.cipher.bytes());
    Cut all;
    Pair::carry(pair.client, pair.server, all);
    CHECK(pair.server.engine.state() == State::peer_closed);
    CHECK(as_text(pair.server.plain.bytes()) == "last words");
    // Whatever comes behind it is thrown away.
    CHECK(pair.server.engine.feed(record.bytes(), pair.server.plain, pair.server.cipher) ==
          State::peer_closed);
    CHECK(as_text(pair.server.plain.bytes()) == "last words");
    CHECK(pair.server.cipher.empty());
    // And it is answered.
    pair.server.engine.close(pair.server.cipher);
    CHECK_FALSE(pair.server.cipher.empty());
    pair.pump();
    CHECK(pair.client.engine.state() == State::peer_closed);
  }
}

TEST_CASE("what comes after the own close is still decrypted") {
  Pair pair = make_pair(true);
  pair.shake_hands();
  pair.server.engine.close(pair.server.cipher);
  say(pair.client, "on the way");
  Cut all;
  Pair::carry(pair.client, pair.server, all);
  CHECK(pair.server.engine.state() == State::open);
  CHECK(as_text(pair.server.plain.bytes()) == "on the way");
}

TEST_CASE("nothing is sent before the handshake is done") {
  Pair pair = make_pair(true);
  say(pair.client, "early");
  say(pair.server, "early");
  CHECK(pair.client.cipher.empty());
  CHECK(pair.server.cipher.empty());
}

TEST_CASE("connections live on when their context is replaced") {
  auto server_context = load(pki().server(ClientCertificate::required));
  auto client_context = load(pki().device());
  auto pair = std::make_unique<Pair>(server_context, client_context);
  auto half = std::make_unique<Pair>(server_context, client_context);
  pair->shake_hands();
  half->client.engine.start(half->client.cipher);
  Cut all;
  Pair::carry(half->client, half->server, all);
  const std::weak_ptr<const Context> old_server = server_context;
  const std::weak_ptr<const Context> old_client = client_context;
  server_context = load(pki().server());
  client_context = load(pki().client());
  CHECK_FALSE(old_server.expired());

  say(pair->client, "still here");
  pair->pump();
  CHECK(as_text(pair->server.plain.bytes()) == "still here");
  half->pump();  // a handshake that had begun ends under the old rules
  CHECK(half->open());
  CHECK(half->server.engine.peer_certificate() != nullptr);

  pair.reset();
  CHECK_FALSE(old_server.expired());
  half.reset();
  CHECK(old_server.expired());
  CHECK(old_client.expired());
}
