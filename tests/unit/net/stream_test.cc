#include "net/stream.h"

#include <random>

#include <doctest/doctest.h>

#include "loopback.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

/// A stream on the near end of a pair.
struct Fixture {
  Fixture() : stream(log) { REQUIRE(stream.open(*loop, std::move(pair.near)) == 0); }
  ~Fixture() {
    stream.close();
    loop.until([&] { return stream.is_closed(); });
    CHECK(log.closed == 1);
  }
  int write(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return stream.write({&bytes, 1});
  }
  /// Writes until bytes stay pending: the far end does not read.
  std::string fill() {
    std::string all;
    std::mt19937 random(3);
    while (stream.pending() == 0) {
      std::string block(50'000, '\0');
      for (char& c : block) c = static_cast<char>(random());
      REQUIRE(write(block) == 0);
      all += block;
    }
    return all;
  }
  /// Reads at the far end until the stream has nothing left and `size` bytes have come.
  std::string receive(std::size_t size) {
    std::string all;
    loop.until([&] {
      all += pair.receive();
      loop.drain();
      return all.size() >= size || pair.ended || pair.reset;
    });
    return all;
  }

  TestLoop loop;
  SocketPair pair;
  StreamLog log;
  Stream stream;
};

}  // namespace

TEST_CASE("stream: many segments leave in order and nothing is owned afterwards") {
  Fixture f;
  std::vector<std::string> parts;
  std::vector<Bytes> segments;
  std::string all;
  // More than go into one system call, and of all sizes, zero among them.
  for (std::size_t i = 0; i < 1000; ++i) parts.push_back(std::string(i % 7, static_cast<char>(i)));
  for (const auto& part : parts) {
    segments.push_back(as_bytes(part));
    all += part;
  }
  REQUIRE(f.stream.write(segments) == 0);
  CHECK(f.stream.pending() == 0);
  CHECK(f.stream.take_sent() == all.size());
  CHECK(f.stream.take_sent() == 0);
  CHECK(f.receive(all.size()) == all);
}

TEST_CASE("stream: what a slow peer does not take is kept in order and told when it is gone") {
  Fixture f;
  std::string all = f.fill();
  CHECK(f.stream.pending() > 0);
  CHECK(f.stream.pending() <= 50'000);
  // While bytes are pending, more line up behind them, in many pieces too.
  const std::string more = "more";
  const std::string end(16'000'000, 'e');
  const std::array<Bytes, 3> segments = {as_bytes(more), {}, as_bytes(end)};
  const std::size_t before = f.stream.pending();
  REQUIRE(f.stream.write(segments) == 0);
  CHECK(f.stream.pending() == before + more.size() + end.size());
  all += more + end;

  CHECK(f.log.progress == 0);
  CHECK(f.stream.drained() == 0);
  // A little is taken: not yet what was written at once, but not nothing either.
  std::string got;
  f.loop.until([&] {
    std::array<char, 4096> some;
    const ssize_t n = ::recv(f.pair.far.fd(), some.data(), some.size(), 0);
    if (n > 0) got.append(some.data(), static_cast<std::size_t>(n));
    f.loop.drain();
    return f.stream.drained() != 0;
  });
  CHECK(f.stream.pending() > 0);
  CHECK(got + f.receive(all.size() - got.size()) == all);
  f.loop.until([&] { return f.stream.pending() == 0; });
  CHECK(f.log.progress > 0);
  CHECK(f.stream.take_sent() == all.size());
}

TEST_CASE("stream: reads, stops and goes on") {
  Fixture f;
  f.pair.send("one");
  f.loop.drain();
  CHECK(f.log.received.empty());
  REQUIRE(f.stream.start_reading() == 0);
  f.loop.until([&] { return f.log.received == "one"; });
  f.stream.stop_reading();
  f.pair.send("two");
  f.loop.drain();
  CHECK(f.log.received == "one");
  REQUIRE(f.stream.start_reading() == 0);
  REQUIRE(f.stream.start_reading() == 0);
  f.loop.until([&] { return f.log.received == "onetwo"; });
}

TEST_CASE("stream: the peer's end is told once, and writing is still possible") {
  Fixture f;
  REQUIRE(f.stream.start_reading() == 0);
  f.pair.send("last");
  ::shutdown(f.pair.far.fd(), SHUT_WR);
  f.loop.until([&] { return !f.log.ends.empty(); });
  CHECK(f.log.received == "last");
  CHECK(f.log.ends == std::vector<int>{0});
  REQUIRE(f.stream.start_reading() == 0);
  f.loop.drain();
  CHECK(f.log.ends.size() == 1);
  REQUIRE(f.write("answer") == 0);
  CHECK(f.receive(6) == "answer");
}

TEST_CASE("stream: a reset is an error, and writing to the dead is one too") {
  Fixture f;
  REQUIRE(f.stream.start_reading() == 0);
  const linger hard{1, 0};
  ::setsockopt(f.pair.far.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  f.pair.far.reset();
  f.loop.until([&] { return !f.log.ends.empty(); });
  CHECK(f.log.ends == std::vector<int>{UV_ECONNRESET});
  CHECK(f.write("x") == UV_EPIPE);
}

TEST_CASE("stream: a peer that dies while bytes are pending is an end, and closing is clean") {
  Fixture f;
  (void)f.fill();
  f.pair.far.reset();
  f.loop.until([&] { return !f.log.ends.empty(); });
  CHECK(f.log.ends.front() < 0);
  CHECK(f.stream.pending() == 0);
}

TEST_CASE("stream: closing with bytes pending leaks nothing") {
  Fixture f;
  (void)f.fill();
  REQUIRE(f.write("behind") == 0);
}

TEST_CASE("stream: finish() lets the last bytes arrive though the peer still sends") {
  Fixture f;
  REQUIRE(f.write("refused") == 0);
  // Unread bytes at close() would turn into a reset, which throws "refused" away at the peer.
  f.pair.send(std::string(100'000, 'x'));
  f.stream.finish(1'000'000);
  CHECK(f.write("too late") == UV_EPIPE);
  CHECK(f.receive(1000) == "refused");
  CHECK(f.pair.ended);
  CHECK_FALSE(f.pair.reset);
  CHECK_FALSE(f.stream.is_closed());
  ::shutdown(f.pair.far.fd(), SHUT_WR);
  f.loop.until([&] { return f.stream.is_closed(); });
  CHECK(f.log.received.empty());
  CHECK(f.log.ends.empty());
}

TEST_CASE("stream: finish() sends what is pending before the end") {
  Fixture f;
  const std::string all = f.fill();
  f.stream.finish(1'000'000);
  ::shutdown(f.pair.far.fd(), SHUT_WR);
  std::string got;
  f.loop.until([&] {
    got += f.pair.receive();
    return f.pair.ended;
  });
  CHECK(got == all);
  f.loop.until([&] { return f.stream.is_closed(); });
}

TEST_CASE("stream: finish() throws away only so much") {
  Fixture f;
  constexpr std::uint32_t kDiscard = 300'000;
  f.stream.finish(kDiscard);
  const std::string block(16 * 1024, 'x');
  std::size_t sent = 0;
  f.loop.until([&] {
    const ssize_t n = ::send(f.pair.far.fd(), block.data(), block.size(), MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<std::size_t>(n);
    f.loop.drain();
    return f.stream.is_closed();
  });
  CHECK(sent > kDiscard);
}

TEST_CASE("stream: finish() after the peer's end closes at once") {
  Fixture f;
  REQUIRE(f.stream.start_reading() == 0);
  ::shutdown(f.pair.far.fd(), SHUT_WR);
  f.loop.until([&] { return !f.log.ends.empty(); });
  REQUIRE(f.write("bye") == 0);
  f.stream.finish(1'000'000);
  f.loop.until([&] { return f.stream.is_closed(); });
  CHECK(f.receive(3) == "bye");
}

TEST_CASE("stream: never opened counts as closed") {
  StreamLog log;
  Stream stream(log);
  CHECK(stream.is_closed());
  CHECK_FALSE(stream.is_open());
  CHECK(stream.pending() == 0);
  stream.finish(1'000'000);
  stream.close();
  CHECK(stream.is_closed());
}

TEST_CASE("stream: a round brings no more bytes than its budget, and the next rounds the rest") {
  Fixture f;
  constexpr std::size_t kBudget = 5'000;
  (*f.loop).set_budget({.read_bytes = kBudget});
  const std::string all(3 * kBudget + 7, 'x');
  f.pair.send(all);
  REQUIRE(f.stream.start_reading() == 0);
  for (std::size_t round = 1; round <= 4; ++round) {
    uv_run((*f.loop).native(), UV_RUN_NOWAIT);
    CHECK(f.log.received.size() == std::min(all.size(), round * kBudget));
  }
  f.pair.send("more");
  f.loop.until([&] { return f.log.received.size() == all.size() + 4; });
}

TEST_CASE("stream: of those that are patient a round reads only so many, behind the others") {
  TestLoop loop;
  (*loop).set_budget({.late_tasks = 2});
  constexpr std::size_t kMany = 7;
  std::vector<std::unique_ptr<SocketPair>> pairs;
  std::vector<std::unique_ptr<Stream>> streams;
  StreamLog patient;
  StreamLog quick;
  for (std::size_t i = 0; i < kMany + 1; ++i) {
    const bool last = i == kMany;
    pairs.push_back(std::make_unique<SocketPair>());
    streams.push_back(std::make_unique<Stream>(last ? quick : patient));
    REQUIRE(streams[i]->open(*loop, std::move(pairs[i]->near)) == 0);
    streams[i]->set_patient(!last);
    REQUIRE(streams[i]->start_reading() == 0);
    pairs[i]->send("x");
  }
  uv_run((*loop).native(), UV_RUN_NOWAIT);
  CHECK(quick.received == "x");
  CHECK(patient.received.size() == 2);
  // One that waits for its turn reads nothing once it was told to stop, and goes on when told so.
  Stream& stopped = *streams[kMany - 1];
  CHECK(stopped.is_reading());
  stopped.stop_reading();
  CHECK_FALSE(stopped.is_reading());
  for (std::size_t round = 2; round <= 5; ++round) {
    uv_run((*loop).native(), UV_RUN_NOWAIT);
    CHECK(patient.received.size() == std::min(2 * round, kMany - 1));
  }
  REQUIRE(stopped.start_reading() == 0);
  loop.until([&] { return patient.received.size() == kMany; });

  // The end of the peer comes the same way; and a stream that is not patient any more is read at
  // once.
  pairs[0]->far.reset();
  loop.until([&] { return patient.ends.size() == 1; });
  CHECK(patient.ends[0] == 0);
  streams[1]->set_patient(false);
  pairs[1]->send("y");
  loop.until([&] { return patient.received.back() == 'y'; });
  SUBCASE("closed while it waits") {
    for (auto& pair : pairs) {
      if (pair->far) pair->send("z");
    }
    uv_run((*loop).native(), UV_RUN_NOWAIT);
    for (auto& stream : streams) stream->close();
  }
  SUBCASE("finished while it waits") {
    for (auto& pair : pairs) {
      if (pair->far) pair->send("z");
    }
    uv_run((*loop).native(), UV_RUN_NOWAIT);
    for (auto& stream : streams) stream->finish(100);
    for (auto& pair : pairs) pair->far.reset();
  }
  loop.until([&] { return patient.closed == kMany && quick.closed == 1; });
}
