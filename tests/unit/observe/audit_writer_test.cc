#include "observe/audit_writer.h"

#include <algorithm>
#include <atomic>
#include <map>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/stat.h>

#include "support.h"

namespace sallyport::observe {

namespace {

using Json = nlohmann::json;
using testing::eventually;
using testing::quiet_log;
using testing::TempFolder;

std::unique_ptr<AuditWriter> writer_to(const std::string& target, std::size_t queues,
                                       std::size_t capacity, const Log& log) {
  auto sink = AuditSink::open(target);
  REQUIRE_MESSAGE(sink, (sink ? "" : sink.error().message));
  auto writer = std::make_unique<AuditWriter>(
      std::move(*sink),
      AuditWriter::Options{
          .target = target, .instance = "gw-1", .queues = queues, .queue_capacity = capacity},
      log);
  REQUIRE(writer->start());
  return writer;
}

/// Does what a worker does: hands a record over, or counts it as lost. `size` makes long lines.
void push(AuditWriter& writer, std::size_t worker, std::uint64_t number, std::size_t size = 10) {
  AuditQueue& queue = writer.queue(worker);
  if (!queue.has_room()) return queue.count_full();
  Identity who;
  who.listener = "w" + std::to_string(worker);
  auto record = std::make_unique<AuditRecord>(AuditEvent::refusal, wall_clock(),
                                              Who{.session = number, .identity = who});
  const std::string topic(size, 't');
  Refusal refusal = testing::refusal_by("rule");
  refusal.topic = topic;
  record->set_refusal(refusal);
  queue.push(std::move(record));
  writer.waker().wake();
}

struct Counted {
  std::uint64_t records = 0;
  std::uint64_t lost = 0;
};
Counted count(const std::string& text) {
  Counted counted;
  for (const std::string& line : testing::lines_of(text)) {
    const Json json = Json::parse(line);  // a broken line would throw, and fail the test
    if (json["event"] == "lost") {
      counted.lost += json["lines"].get<std::uint64_t>();
    } else {
      ++counted.records;
    }
  }
  return counted;
}

/// A named pipe of 16 pages whose reader exists but only reads when told to.
class SlowReader final {
 public:
  explicit SlowReader(const std::string& path) {
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    fd_ = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(fd_ >= 0);
    REQUIRE(fcntl(fd_, F_SETPIPE_SZ, 65'536) == 65'536);
    writing_end_ = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(writing_end_ >= 0);
  }
  ~SlowReader() {
    close(writing_end_);
    close(fd_);
  }
  /// No room for another page.
  [[nodiscard]] bool is_full() const {
    pollfd wanted{.fd = writing_end_, .events = POLLOUT, .revents = 0};
    return poll(&wanted, 1, 0) == 0;
  }
  /// Appends what has arrived.
  void read_into(std::string& text) const {
    char part[65'536];
    for (ssize_t n = 0; (n = read(fd_, part, sizeof part)) > 0;)
      text.append(part, static_cast<std::size_t>(n));
  }

 private:
  int fd_ = -1;
  int writing_end_ = -1;
};

}  // namespace

TEST_CASE("every line of every worker arrives, each worker's in order") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = quiet_log();
  constexpr std::size_t kWorkers = 3;
  constexpr std::uint64_t kLines = 3000;
  {
    const auto writer = writer_to(path, kWorkers, kLines, *log);
    std::vector<std::thread> workers;
    for (std::size_t w = 0; w < kWorkers; ++w)
      workers.emplace_back([&, w] {
        for (std::uint64_t i = 1; i <= kLines; ++i) push(*writer, w, i);
      });
    for (auto& worker : workers) worker.join();
    writer->stop();
    CHECK(writer->written() == kWorkers * kLines);
    CHECK(writer->lost().lines() == 0);
    CHECK(writer->waiting() == 0);
  }
  std::map<std::string, std::uint64_t> last;
  for (const std::string& line : testing::lines_of(testing::read_all(path))) {
    const Json json = Json::parse(line);
    REQUIRE(json["session"] == ++last[json["listener"]]);
  }
  CHECK(last.size() == kWorkers);
}

TEST_CASE("a line is written without another one or the end pushing it out") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = quiet_log();
  const auto writer = writer_to(path, 1, 8, *log);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    push(*writer, 0, i);
    CHECK(eventually([&] { return writer->written() == i; }));
  }
}

TEST_CASE("a reader that does not read: lines are lost, counted, and told once it reads again") {
  const TempFolder folder;
  const SlowReader reader(folder.file("pipe"));
  const auto log = quiet_log();
  const auto writer = writer_to(folder.file("pipe"), 1, 4, *log);
  // More than the pipe, the writer's batch and the queue hold together.
  std::uint64_t pushed = 0;
  REQUIRE(eventually([&] {
    for (int i = 0; i < 50; ++i) push(*writer, 0, ++pushed, 1000);
    return reader.is_full() && writer->lost().queue_full > 1000;
  }));

  std::string text;
  CHECK(eventually([&] {
    reader.read_into(text);
    return text.find("\"lost\"") != std::string::npos;
  }));
  // The end comes while somebody reads: all the rest is written.
  std::atomic<bool> stopped{false};
  std::thread reading([&] {
    while (!stopped) {
      reader.read_into(text);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    reader.read_into(text);
  });
  writer->stop();
  stopped = true;
  reading.join();
  const AuditLoss lost = writer->lost();
  CHECK(lost.write == 0);
  const Counted counted = count(text);
  CHECK(counted.lost == lost.queue_full);
  CHECK(counted.records + counted.lost == pushed);
  CHECK(testing::lines_of(text).size() == writer->written());
}

TEST_CASE("a line of a sum is not lost") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = quiet_log();
  const auto writer = writer_to(path, 2, 4, *log);
  writer->queue(0).count_repeated();
  writer->queue(1).count_repeated();
  writer->stop();
  CHECK(writer->repeated() == 2);
  CHECK(writer->lost().lines() == 0);
  CHECK(testing::read_all(path).empty());
}

TEST_CASE("stop does not wait for a reader that never reads") {
  const TempFolder folder;
  const SlowReader reader(folder.file("pipe"));
  const testing::StderrText errors;
  const auto log = quiet_log();
  const auto writer = writer_to(folder.file("pipe"), 1, 4, *log);
  std::uint64_t pushed = 0;
  REQUIRE(eventually([&] {
    push(*writer, 0, ++pushed, 1000);
    return reader.is_full();
  }));
  for (int i = 0; i < 4; ++i) push(*writer, 0, ++pushed, 1000);
  writer->stop();  // hangs here if it waits
  const AuditLoss lost = writer->lost();
  CHECK(lost.write > 0);
  CHECK(errors.text().find("could not be written before the end") != std::string::npos);
  // Nothing unaccounted for, but for the line that was to tell of those that found no room.
  CHECK(writer->written() + lost.write + lost.queue_full >= pushed);
  CHECK(writer->written() + lost.write + lost.queue_full <= pushed + 2);
  std::string text;
  reader.read_into(text);
  CHECK(writer->written() ==
        static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
}

TEST_CASE("a full disk is said once, and the lines are counted") {
  const testing::StderrText errors;
  const auto log = quiet_log();
  const auto writer = writer_to("/dev/full", 1, 4, *log);
  REQUIRE(eventually([&] {
    for (int i = 0; i < 50; ++i) push(*writer, 0, 1, 1000);
    return writer->lost().queue_full > 1000;
  }));
  CHECK(writer->written() == 0);
  writer->stop();
  CHECK(writer->lost().write > 0);
  const std::string said = errors.text();
  const auto first = said.find("No space left on device");
  REQUIRE(first != std::string::npos);
  CHECK(said.find("/dev/full") < first);
  CHECK(said.find("No space left on device", first + 1) == std::string::npos);
}

TEST_CASE("reopen: the renamed file keeps what it has, the new one gets the rest") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = quiet_log();
  const auto writer = writer_to(path, 1, 100, *log);
  push(*writer, 0, 1);
  REQUIRE(eventually([&] { return writer->written() == 1; }));
  std::filesystem::rename(path, path + ".1");
  CHECK(writer->reopen());
  CHECK(std::filesystem::exists(path));
  push(*writer, 0, 2);
  writer->stop();
  CHECK(Json::parse(testing::read_all(path + ".1"))["session"] == 1);
  CHECK(Json::parse(testing::read_all(path))["session"] == 2);
}

TEST_CASE("reopen that fails says why and leaves the old file in use") {
  const TempFolder folder;
  std::filesystem::create_directory(folder.file("a"));
  const auto log = quiet_log();
  const auto writer = writer_to(folder.file("a/audit.jsonl"), 1, 100, *log);
  std::filesystem::rename(folder.file("a"), folder.file("b"));
  const auto again = writer->reopen();
  REQUIRE_FALSE(again);
  CHECK(again.error().message.find("a/audit.jsonl: No such file or directory") !=
        std::string::npos);
  push(*writer, 0, 1);
  writer->stop();
  CHECK(count(testing::read_all(folder.file("b/audit.jsonl"))).records == 1);
}

TEST_CASE("reopen in the middle of a line leaves no half line in the new file") {
  const TempFolder folder;
  const std::string path = folder.file("audit");
  const SlowReader reader(path);
  const auto log = quiet_log();
  const auto writer = writer_to(path, 1, 1000, *log);
  // Lines that take three pages each, in a pipe that has sixteen.
  const std::string controls(1024, '\x01');
  Identity who;
  who.client_id = controls;
  who.username = controls;
  Refusal refusal = testing::refusal_by("rule");
  refusal.topic = controls;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    auto record = std::make_unique<AuditRecord>(AuditEvent::refusal, wall_clock(),
                                                Who{.session = i, .identity = who});
    record->set_refusal(refusal);
    const std::size_t size = testing::line_of(*record).size();
    REQUIRE((size > 8192 && size < 12'288));
    writer->queue(0).push(std::move(record));
    writer->waker().wake();
    REQUIRE(eventually([&] { return writer->written() == i || reader.is_full(); }));
  }
  std::filesystem::remove(path);
  REQUIRE(writer->reopen());
  writer->stop();
  std::string before;
  reader.read_into(before);
  CHECK(testing::lines_of(before).size() == 6);
  CHECK(before.back() != '\n');
  CHECK(writer->lost().write == 1);
  CHECK(count(testing::read_all(path)).records == 20 - 6);
}

TEST_CASE("an audit log that cannot be opened is an error that helps") {
  const TempFolder folder;
  const auto failure = [](const std::string& target) {
    const auto sink = AuditSink::open(target);
    REQUIRE_FALSE(sink);
    CHECK_FALSE(sink.error().hint.empty());
    return sink.error().message;
  };
  CHECK(failure(folder.file("no/such/audit.jsonl")) == "cannot open audit log " +
                                                           folder.file("no/such/audit.jsonl") +
                                                           ": No such file or directory");
  CHECK(failure(folder.file("")).find("Is a directory") != std::string::npos);
  // A named pipe without a reader must not hang the start.
  REQUIRE(mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK(failure(folder.file("pipe")).find("No such device or address") != std::string::npos);
  CHECK(failure("/proc/audit.jsonl").find("cannot open audit log /proc/audit.jsonl: ") == 0);
}

TEST_CASE("the file is appended to, is not for everybody, and is not inherited") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  std::ofstream(path) << "{\"event\":\"old\"}\n";
  const auto log = quiet_log();
  {
    const auto writer = writer_to(path, 1, 8, *log);
    push(*writer, 0, 1);
  }
  CHECK(count(testing::read_all(path)).records == 2);

  const std::string fresh = folder.file("fresh.jsonl");
  const mode_t before = umask(0);
  const auto sink = AuditSink::open(fresh);
  umask(before);
  struct stat info {};
  REQUIRE(stat(fresh.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
  bool found = false;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    if (std::filesystem::read_symlink(entry.path(), ignored) != fresh) continue;
    found = true;
    CHECK((fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(found);
}

TEST_CASE("stdout: lines go there, it is left open, and reopen has nothing to do") {
  const TempFolder folder;
  const std::string path = folder.file("stdout");
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  REQUIRE(file >= 0);
  std::uint64_t written = 0;
  bool reopened = false;
  bool open_after = false;
  {
    const testing::Redirect redirect(1, file);
    const auto log = testing::quiet_log();
    auto sink = AuditSink::open("stdout");
    AuditWriter writer(std::move(*sink), {.target = "stdout"}, *log);
    if (writer.start()) {
      push(writer, 0, 1);
      reopened = writer.reopen().has_value();
      writer.stop();
    }
    written = writer.written();
    open_after = fcntl(1, F_GETFD) >= 0;
  }
  close(file);
  CHECK(written == 1);
  CHECK(reopened);
  CHECK(open_after);
  CHECK(count(testing::read_all(path)).records == 1);
}

}  // namespace sallyport::observe
