#include "session/keep_alive.h"

#include <doctest/doctest.h>

using namespace sallyport;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Instant kStart{seconds(1000)};
constexpr Instant at(int second) { return kStart + seconds(second); }

KeepAlive opened(std::uint16_t broker, std::uint16_t client) {
  KeepAlive keep_alive(kStart);
  keep_alive.open(broker, client, kStart);
  return keep_alive;
}

}  // namespace

TEST_CASE("before CONNACK nothing is due") {
  KeepAlive keep_alive(kStart);
  keep_alive.ask(10);
  CHECK(keep_alive.client_deadline() == kNever);
  CHECK(keep_alive.ping_due() == kNever);
  CHECK_FALSE(keep_alive.broker_starves(at(100)));
  CHECK(keep_alive.longest_pause(std::chrono::seconds(30)) ==
        seconds(5));  // what CONNECT asks for counts already
}

TEST_CASE("the client may be silent for one and a half times its keep-alive") {
  KeepAlive keep_alive = opened(10, 5);
  CHECK(keep_alive.client_deadline() == kStart + milliseconds(7500));
  keep_alive.note_client(false, at(3));
  CHECK(keep_alive.client_deadline() == at(3) + milliseconds(7500));
  // What is not read is not held against it.
  keep_alive.set_reading(false, at(4));
  CHECK(keep_alive.client_deadline() == kNever);
  keep_alive.set_reading(true, at(50));
  CHECK(keep_alive.client_deadline() == at(50) + milliseconds(7500));
  keep_alive.set_reading(true, at(60));  // nothing new
  CHECK(keep_alive.client_deadline() == at(50) + milliseconds(7500));
  keep_alive.excuse_client(at(70));
  CHECK(keep_alive.client_deadline() == at(70) + milliseconds(7500));
}

TEST_CASE("the longest keep-alive there is overflows nothing") {
  CHECK(opened(65'535, 65'535).client_deadline() == kStart + milliseconds(98'302'500));
  CHECK(opened(65'535, 65'535).longest_pause(std::chrono::seconds(30)) == milliseconds(32'767'500));
}

TEST_CASE("the broker is pinged for a client that lives and of which it hears nothing") {
  KeepAlive keep_alive = opened(10, 10);
  CHECK(keep_alive.ping_due() == kNever);  // the client is as silent as the broker hears
  keep_alive.note_client(true, at(2));
  CHECK(keep_alive.ping_due() == kNever);
  keep_alive.note_client(false, at(5));  // refused
  CHECK(keep_alive.ping_due() == at(12));
  CHECK_FALSE(keep_alive.broker_starves(at(11)));
  CHECK(keep_alive.broker_starves(at(12)));
  CHECK(keep_alive.begin_own_ping(at(12)));
  CHECK_FALSE(keep_alive.broker_starves(at(12)));
  keep_alive.note_client(false, at(20));
  CHECK(keep_alive.ping_due() == at(22));
  CHECK_FALSE(keep_alive.begin_own_ping(at(22)));  // an answer is still due
  keep_alive.note_client(false, at(30));
  CHECK(keep_alive.ping_due() == at(32));  // but the time counts
}

TEST_CASE("a client that was told a longer keep-alive may be silent, and the broker is pinged") {
  KeepAlive keep_alive = opened(10, 60);
  CHECK(keep_alive.ping_due() == at(10));
  keep_alive.note_sent_to_broker(at(4));
  CHECK(keep_alive.ping_due() == at(14));
}

TEST_CASE("a broker that does not count is not pinged") {
  KeepAlive keep_alive = opened(0, 1200);
  keep_alive.note_client(false, at(500));
  CHECK(keep_alive.ping_due() == kNever);
  CHECK_FALSE(keep_alive.broker_starves(at(500)));
  CHECK(keep_alive.longest_pause(std::chrono::seconds(30)) == seconds(30));
  CHECK(opened(0, 20).longest_pause(std::chrono::seconds(30)) == seconds(10));
  CHECK(opened(8, 20).longest_pause(std::chrono::seconds(30)) == seconds(4));
}

TEST_CASE("whose PINGRESP it is follows from the order of the PINGREQs") {
  KeepAlive keep_alive = opened(10, 10);
  keep_alive.client_ping();
  keep_alive.client_ping();
  CHECK(keep_alive.begin_own_ping(at(10)));
  keep_alive.client_ping();
  CHECK(keep_alive.answers_client());
  CHECK(keep_alive.answers_client());
  CHECK_FALSE(keep_alive.answers_client());
  CHECK(keep_alive.answers_client());
  CHECK(keep_alive.answers_client());  // of nobody's PINGREQ: not kept back
  CHECK(keep_alive.begin_own_ping(at(20)));
  CHECK_FALSE(keep_alive.answers_client());
}
