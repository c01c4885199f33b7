#include "net/tasks.h"

#include <memory>
#include <thread>

#include "loopback.h"
#include "net/inbox.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

/// Writes its name down when it runs; goes on as often as it is told.
struct Worker final : Task::Handler {
  Worker(Loop& l, std::string& w, char n, int t = 1)
      : loop(l), written(w), name(n), times(t), task(*this) {}
  void on_run(Task&) override {
    written += name;
    if (--times > 0) loop.enqueue(task);
  }
  Loop& loop;
  std::string& written;
  char name;
  int times;
  Task task;
};

}  // namespace

TEST_CASE("tasks: each runs once a round, in order, and the loop does not sleep meanwhile") {
  TestLoop loop;
  Inbox inbox;  // something to sleep for
  REQUIRE(inbox.open(*loop) == 0);
  std::string written;
  Worker a(*loop, written, 'a', 3);
  Worker b(*loop, written, 'b', 1);
  Worker c(*loop, written, 'c', 2);
  for (Worker* each : {&a, &b, &c}) (*loop).enqueue(each->task);
  (*loop).enqueue(a.task);  // it waits already
  CHECK(uv_backend_timeout((*loop).native()) == 0);
  loop.round();
  CHECK(written == "abc");
  CHECK(uv_backend_timeout((*loop).native()) == 0);
  loop.round();
  CHECK(written == "abcac");
  loop.round();
  CHECK(written == "abcaca");
  CHECK(uv_backend_timeout((*loop).native()) != 0);
  loop.round();
  CHECK(written == "abcaca");
  inbox.close();
}

TEST_CASE("tasks: late ones run behind the others, and only so many in a round") {
  TestLoop loop;
  (*loop).set_budget({.late_tasks = 2});
  std::string written;
  Worker a(*loop, written, 'a', 2);
  Worker x(*loop, written, 'x');
  Worker y(*loop, written, 'y');
  Worker z(*loop, written, 'z');
  for (Worker* each : {&x, &y, &z}) (*loop).enqueue_late(each->task);
  (*loop).enqueue(a.task);
  loop.round();
  CHECK(written == "axy");
  loop.round();
  CHECK(written == "axyaz");
}

TEST_CASE("tasks: one that is cancelled or destroyed does not run, and others lose nothing") {
  TestLoop loop;
  std::string written;
  Worker a(*loop, written, 'a');
  auto b = std::make_unique<Worker>(*loop, written, 'b');
  Worker c(*loop, written, 'c');
  auto d = std::make_unique<Worker>(*loop, written, 'd');
  for (Worker* each : {&a, b.get(), &c, d.get()}) (*loop).enqueue(each->task);
  a.task.cancel();
  CHECK_FALSE(a.task.is_queued());
  a.task.cancel();
  b.reset();
  d.reset();
  loop.round();
  CHECK(written == "c");
  (*loop).enqueue(a.task);
  loop.round();
  CHECK(written == "ca");
}

TEST_CASE("tasks: the loop sleeps again when the last one that waits is cancelled") {
  TestLoop loop;
  Inbox inbox;  // something to sleep for
  REQUIRE(inbox.open(*loop) == 0);
  std::string written;
  Worker a(*loop, written, 'a');
  (*loop).enqueue(a.task);
  a.task.cancel();
  loop.round();
  CHECK(uv_backend_timeout((*loop).native()) != 0);
  CHECK(written.empty());
  inbox.close();
}

TEST_CASE("tasks: what still waits when its loop goes is in no queue") {
  std::string written;
  auto loop = std::move(Loop::make().value());
  Worker a(*loop, written, 'a');
  loop->enqueue(a.task);
  loop.reset();
  CHECK_FALSE(a.task.is_queued());
}

TEST_CASE("inbox: functions run on the loop's thread, in order, none before and none after") {
  TestLoop loop;
  Inbox inbox;
  std::string written;
  inbox.post([&] { written += '0'; });
  REQUIRE(inbox.open(*loop) == 0);
  const auto here = std::this_thread::get_id();
  std::thread other([&] {
    for (const char name : {'a', 'b', 'c'}) {
      inbox.post([&, name, owned = std::make_unique<int>(1)] {
        CHECK(std::this_thread::get_id() == here);
        written += name;
      });
    }
  });
  other.join();
  CHECK(written.empty());
  loop.until([&] { return written.size() == 3; });
  CHECK(written == "abc");
  inbox.post([&] { written += 'd'; });
  inbox.close();
  inbox.close();
  inbox.post([&] { written += 'e'; });
  loop.drain();
  CHECK(written == "abc");
}
