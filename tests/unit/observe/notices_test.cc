#include "observe/notices.h"

#include <doctest/doctest.h>

#include "observe/worker_events.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using namespace std::chrono_literals;

/// Two workers and what is said about them.
struct Watched {
  Names names{{"devices", "plain"}};
  std::vector<std::unique_ptr<WorkerCounters>> counters;
  std::vector<std::unique_ptr<WorkerEvents>> workers;
  std::unique_ptr<Notices> notices;
  std::chrono::system_clock::time_point wall{std::chrono::days(20'000)};

  Watched() {
    for (int i = 0; i < 2; ++i) {
      counters.push_back(std::make_unique<WorkerCounters>(names));
      workers.push_back(std::make_unique<WorkerEvents>(names, *counters.back(), nullptr, nullptr,
                                                       settings::AuditLimits{}, HashKey{}));
    }
    notices = std::make_unique<Notices>(names, counters, 10s);
  }
  std::vector<std::string> look(Duration at) {
    std::vector<std::string> texts;
    for (const Notice& notice : notices->look(Instant(at), wall)) texts.push_back(notice.text);
    return texts;
  }
  void dial(std::size_t worker, std::optional<Check> failure, std::string_view detail = {}) {
    workers[worker]->on_broker_connect(1ms, failure, detail);
  }
  void refuse(const char* listener, Check check) {
    Identity who;
    who.listener = listener;
    workers[0]->on_refusal(
        {.session = 0, .identity = who},
        {.phase = Phase::accept, .cause = {to_string(check), false}, .topic = {}});
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a broker that cannot be reached, and that can be again, is said once each") {
  Watched watched;
  watched.dial(0, std::nullopt);
  CHECK(watched.look(1s).empty());
  watched.dial(0, Check::broker_refused);
  watched.dial(1, Check::broker_refused);
  watched.dial(1, Check::broker_connect_timeout);
  CHECK(watched.look(2s) ==
        Lines{"the broker cannot be reached: nobody listens at the broker's address "
              "(broker.connection-refused)"});
  for (int second = 3; second < 60; ++second) {
    watched.dial(0, Check::broker_refused);
    CHECK(watched.look(std::chrono::seconds(second)).empty());
  }
  watched.dial(0, std::nullopt);
  CHECK(watched.look(62s) ==
        Lines{"the broker is reached again: 60 s later; connecting to it failed 60 times"});
  CHECK(watched.look(63s).empty());
}

TEST_CASE("what is wrong with a broker's certificate is said in the words of TLS") {
  Watched watched;
  watched.dial(0, Check::broker_refused, "ECONNREFUSED");
  watched.dial(1, Check::certificate_name, "broker's certificate has no subjectAltName");
  watched.dial(1, Check::certificate_name, "broker's certificate has no subjectAltName");
  CHECK(watched.look(1s) ==
        Lines{"the broker cannot be reached: broker's certificate has no subjectAltName "
              "(tls.certificate-name)"});
}

TEST_CASE("the end of the broker's chain is said once it is near, and each day") {
  using std::chrono::days;
  Watched watched;
  const auto shake = [&watched](std::size_t worker, days left) {
    watched.workers[worker]->on_handshake({.side = Side::broker,
                                           .listener = "devices",
                                           .version = "TLSv1.3",
                                           .took = 1ms,
                                           .failure = std::nullopt,
                                           .chain_end = watched.wall + left});
  };
  CHECK(watched.look(1s).empty());
  shake(0, days(20));
  CHECK(watched.look(2s).empty());
  watched.wall += days(10);
  CHECK(watched.look(3s) ==
        Lines{"the broker's certificate, or a CA of its chain, ends in 10 days"});
  CHECK(watched.look(4s).empty());
  watched.wall += days(9);
  CHECK(watched.look(5s) == Lines{"the broker's certificate, or a CA of its chain, ends in 1 day"});
  watched.wall += days(1);
  CHECK(watched.look(6s) == Lines{"the broker's certificate, or a CA of its chain, has ended"});
  shake(1, days(90));  // renewed: what was seen last counts, whichever worker has
  CHECK(watched.look(7s).empty());
  watched.wall += days(85);
  CHECK(watched.look(8s).size() == 1);
}

TEST_CASE("a broker that comes and goes does not fill the log") {
  Watched watched;
  std::size_t lines = 0;
  for (int second = 1; second <= 60; ++second) {
    watched.dial(0, Check::broker_refused);
    watched.dial(1, std::nullopt);
    lines += watched.look(std::chrono::seconds(second)).size();
  }
  CHECK(lines >= 2);
  CHECK(lines <= 2 * 6);
}

TEST_CASE("a full listener is said at once, then at most once in ten seconds with a count") {
  Watched watched;
  watched.refuse("devices", Check::max_connections);
  CHECK(watched.look(1s) == Lines{"listener \"devices\" refused a connection: the listener has as "
                                  "many connections as it may (connection.max)"});
  for (int i = 0; i < 500; ++i) watched.refuse("devices", Check::max_connections);
  CHECK(watched.look(5s).empty());
  CHECK(watched.look(10s).empty());
  CHECK(watched.look(11s) ==
        Lines{"listener \"devices\" refused 500 connections: the listener has as many connections "
              "as it may (connection.max)"});
  CHECK(watched.look(30s).empty());
  // Each listener and each bound speaks for itself.
  watched.refuse("plain", Check::max_connections_per_address);
  watched.refuse("plain", Check::max_connections);
  CHECK(watched.look(31s).size() == 2);
  watched.refuse("plain", Check::shutting_down);
  CHECK(watched.look(60s).empty());
}

}  // namespace sallyport::observe
