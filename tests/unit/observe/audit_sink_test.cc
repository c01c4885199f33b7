// Where audit lines go: whole lines on a full disk, and the sockets of syslog and journald.
#include "observe/audit_sink.h"

#include <csignal>
#include <regex>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "observe/audit_writer.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using Json = nlohmann::json;
using testing::eventually;
using testing::quiet_log;
using testing::TempFolder;

/// No file becomes larger while it lives, and no signal says so: a disk that is full.
class FileLimit final {
 public:
  explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() { lift(); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  void lift() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

/// A log service's socket.
class Service final {
 public:
  explicit Service(std::string path)
      : path_(std::move(path)), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Service() {
    close(fd_);
    std::filesystem::remove(path_);
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  /// The next message; empty: there is none.
  [[nodiscard]] std::string next() const {
    std::string text(65'536, '\0');
    const ssize_t got = recv(fd_, text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }

 private:
  std::string path_;
  int fd_;
};

std::unique_ptr<AuditWriter> writer_to(const std::string& target, const Log& log,
                                       std::size_t capacity = 1000) {
  auto sink = AuditSink::open(target);
  REQUIRE_MESSAGE(sink, (sink ? "" : sink.error().message));
  auto writer = std::make_unique<AuditWriter>(
      std::move(*sink),
      AuditWriter::Options{.target = target, .instance = "gw 1", .queue_capacity = capacity}, log);
  REQUIRE(writer->start());
  return writer;
}

void push_refusal(AuditWriter& writer, std::uint64_t session, std::size_t size = 10) {
  const Identity who = testing::sensor();
  auto record = std::make_unique<AuditRecord>(
      AuditEvent::refusal, wall_clock(),
      Who{.session = session, .identity = who, .version = mqtt::Version::v5});
  const std::string topic(size, 't');
  Refusal refusal = testing::refusal_by("rule");
  refusal.topic = topic;
  record->set_refusal(refusal);
  if (!writer.queue(0).has_room()) return writer.queue(0).count_full();
  writer.queue(0).push(std::move(record));
  writer.waker().wake();
}

/// Sessions of whole lines; anything that is no line fails the test.
std::vector<std::uint64_t> sessions_in(const std::string& text) {
  std::vector<std::uint64_t> sessions;
  if (!text.empty()) CHECK(text.back() == '\n');
  for (const std::string& line : testing::lines_of(text)) {
    const Json json = Json::parse(line);
    if (json["event"] == "refusal") sessions.push_back(json["session"]);
  }
  return sessions;
}

}  // namespace

TEST_CASE("a disk that is full in the middle of a line has no half of it") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = quiet_log();
  for (const rlim_t room : {rlim_t{500}, rlim_t{1300}, rlim_t{2000}, rlim_t{5001}}) {
    const testing::StderrText errors;  // a file, too
    std::filesystem::remove(path);
    const auto writer = writer_to(path, *log);
    std::string while_full;
    {
      FileLimit limit(room);
      for (std::uint64_t i = 1; i <= 20; ++i) push_refusal(*writer, i, 200);
      REQUIRE(
          eventually([&] { return errors.text().find("File too large") != std::string::npos; }));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      while_full = testing::read_all(path);
      CHECK(while_full.size() <= room);
      CHECK(sessions_in(while_full).size() == writer->written());
      limit.lift();
    }
    writer->stop();
    const std::string all = testing::read_all(path);
    CHECK(all.starts_with(while_full));
    const auto sessions = sessions_in(all);
    REQUIRE(sessions.size() == 20);
    for (std::uint64_t i = 0; i < 20; ++i) CHECK(sessions[i] == i + 1);
  }
}

TEST_CASE("the end comes while the disk is full: what is there is whole") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = quiet_log();
  const testing::StderrText errors;
  const FileLimit limit(1234);
  const auto writer = writer_to(path, *log);
  for (std::uint64_t i = 1; i <= 20; ++i) push_refusal(*writer, i, 200);
  writer->stop();
  const auto sessions = sessions_in(testing::read_all(path));
  CHECK(sessions.size() == writer->written());
  CHECK(sessions.size() + writer->lost().write == 20);
}

TEST_CASE("what another process left behind: the half of a line goes, other files keep all") {
  const TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto left = [&path](const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    CHECK(AuditSink::open(path));
    return testing::read_all(path);
  };
  CHECK(left("").empty());
  CHECK(left("{\"a\":1}\n") == "{\"a\":1}\n");
  CHECK(left("{\"a\":1}\n{\"b\":") == "{\"a\":1}\n");
  CHECK(left("{\"b\":").empty());
  CHECK(left("notes\nof somebody") == "notes\nof somebody\n");
  const std::string long_one(2 * AuditRecord::kMaxLine, 'x');
  CHECK(left(long_one) == long_one + "\n");
}

TEST_CASE("syslog: RFC 5424, a message for each line") {
  const TempFolder folder;
  const Service service(folder.file("log"));
  const auto log = quiet_log();
  const auto writer = writer_to("syslog:" + folder.file("log"), *log);
  push_refusal(*writer, 1);
  push_refusal(*writer, 2, 1024);
  writer->stop();
  for (std::uint64_t i = 1; i <= 2; ++i) {
    const std::string message = service.next();
    std::smatch parts;
    // Facility local0, severity notice.
    REQUIRE(std::regex_match(
        message, parts,
        std::regex(
            R"(<133>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z gw_1 sallyport \d+ refusal - (\{[^\n]*\}))")));
    CHECK(Json::parse(parts[1].str())["session"] == i);
  }
  CHECK(service.next().empty());
  CHECK(writer->written() == 2);
}

TEST_CASE("journald: an entry for each line, with its fields") {
  const TempFolder folder;
  const Service service(folder.file("socket"));
  const auto log = quiet_log();
  const auto writer = writer_to("journald:" + folder.file("socket"), *log);
  for (std::uint64_t i = 1; i <= 3; ++i) push_refusal(*writer, i);
  writer->stop();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const auto fields = testing::lines_of(service.next());
    REQUIRE(fields.size() == 5);
    REQUIRE(fields[0].starts_with("MESSAGE={"));
    CHECK(Json::parse(fields[0].substr(8))["session"] == i);
    CHECK(fields[1] == "PRIORITY=5");
    CHECK(fields[2] == "SYSLOG_IDENTIFIER=sallyport");
    CHECK(fields[3] == "SYSLOG_FACILITY=16");
    CHECK(fields[4] == "SALLYPORT_EVENT=refusal");
  }
  CHECK(writer->written() == 3);
}

TEST_CASE("a log service that does not read, goes away and comes back loses what is counted") {
  const TempFolder folder;
  const auto log = quiet_log();
  const testing::StderrText errors;
  auto service = std::make_unique<Service>(folder.file("log"));
  const auto writer = writer_to("syslog:" + folder.file("log"), *log, 4);
  std::uint64_t pushed = 0;
  // Its queue holds few messages; beyond them lines wait, and then are lost.
  REQUIRE(eventually([&] {
    push_refusal(*writer, ++pushed, 500);
    return writer->lost().queue_full > 0;
  }));
  service.reset();
  REQUIRE(eventually(
      [&] { return errors.text().find("cannot write audit log") != std::string::npos; }));
  service = std::make_unique<Service>(folder.file("log"));
  std::string text;
  REQUIRE(eventually([&] {
    const std::string message = service->next();
    if (!message.empty()) text += message.substr(message.find('{')) + "\n";
    return text.find("\"lost\"") != std::string::npos;
  }));
  CHECK(testing::lines_of(text).size() <= pushed + 1);
}

TEST_CASE("a log service that is not there is an error that helps") {
  const TempFolder folder;
  for (const std::string& target : {"syslog:" + folder.file("no"), "journald:" + folder.file("no"),
                                    "syslog:/" + std::string(200, 'x')}) {
    const auto sink = AuditSink::open(target);
    REQUIRE_FALSE(sink);
    CHECK(sink.error().message.starts_with("cannot open audit log "));
    CHECK(sink.error().hint.find("log service") != std::string::npos);
  }
}

}  // namespace sallyport::observe
