#include "admin/protocol.h"

#include <array>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "admin/command.h"

using namespace sallyport::admin;

namespace {

struct Kept final : Reply::Receiver {
  explicit Kept(std::optional<Json>& where) : to(where) {}
  void on_answer(Json answer) override {
    CHECK(!to);
    to = std::move(answer);
  }
  std::optional<Json>& to;
};

std::string code_of(std::string_view line) {
  const auto request = parse_request(line);
  REQUIRE(!request);
  CHECK(!request.error().message.empty());
  return std::string(request.error().code);
}

}  // namespace

TEST_CASE("admin: a reply is given once, and one that is forgotten is given for it") {
  std::optional<Json> answer;
  {
    const Reply reply(std::make_unique<Kept>(answer));
    const Reply copy = reply;
    copy.ok({{"up", true}});
    reply.error("late", "too late");
  }
  REQUIRE(answer);
  CHECK(to_line(*answer) == "{\"version\":1,\"ok\":true,\"result\":{\"up\":true}}\n");

  answer.reset();
  { const Reply forgotten(std::make_unique<Kept>(answer)); }
  REQUIRE(answer);
  CHECK((*answer)["ok"] == false);
  CHECK((*answer)["error"]["code"] == "unanswered");

  answer.reset();
  Reply(std::make_unique<Kept>(answer)).error("failed", "2 errors", {"a", "b"});
  REQUIRE(answer);
  CHECK((*answer)["error"]["details"].size() == 2);
}

TEST_CASE("admin: a request") {
  const auto plain = parse_request(R"({"version":1,"command":"status"})");
  REQUIRE(plain);
  CHECK(plain->command == "status");
  CHECK(plain->arguments.empty());
  const auto with = parse_request(R"({"arguments":{"n":1},"command":"list","version":1})");
  REQUIRE(with);
  CHECK(with->arguments["n"] == 1);
}

TEST_CASE("admin: what is wrong with a request is said") {
  CHECK(code_of("") == "bad-request");
  CHECK(code_of("{") == "bad-request");
  CHECK(code_of("[]") == "bad-request");
  CHECK(code_of("\xFF\xFE") == "bad-request");
  CHECK(code_of(R"({"command":"status"})") == "bad-request");
  CHECK(code_of(R"({"version":1})") == "bad-request");
  CHECK(code_of(R"({"version":2,"command":"status"})") == "version");
  CHECK(code_of(R"({"version":1,"command":"status","more":1})") == "bad-request");
  CHECK(code_of(R"({"version":1,"command":7})") == "bad-request");
  CHECK(code_of(R"({"version":1,"command":"status","arguments":[]})") == "bad-request");
}

TEST_CASE("admin: nesting costs no stack") {
  std::string deep = R"({"version":1,"command":"status","arguments":)";
  deep.append(60'000, '[');
  CHECK(code_of(deep) == "bad-request");
  deep.append(60'000, ']');
  CHECK(code_of(deep + "}") == "bad-request");
}

TEST_CASE("admin: an answer is one line of UTF-8, whatever is in it") {
  const std::string line = to_line(ok_answer("a\nb\xFF\x01"));
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(Json::accept(line));
}

TEST_CASE("admin: arguments are held against their row") {
  static constexpr auto kArguments = std::to_array<Argument>({
      {"who", Argument::Kind::text, "whom", true},
      {"most", Argument::Kind::number, "how many"},
      {"all", Argument::Kind::flag, "all of them"},
  });
  const Command command{"end", "End sessions", kArguments};
  CHECK(check_arguments(command, {{"who", "x"}}) == "");
  CHECK(check_arguments(command, {{"who", "x"}, {"most", 3U}, {"all", true}}) == "");
  CHECK(check_arguments(command, Json::object()) == "\"who\" is missing");
  CHECK(check_arguments(command, {{"who", 1}}) == "\"who\" is not of its type");
  CHECK(check_arguments(command, {{"who", "x"}, {"most", -3}}) == "\"most\" is not of its type");
  CHECK(check_arguments(command, {{"who", "x"}, {"all", 1}}) == "\"all\" is not of its type");
  CHECK(check_arguments(command, {{"who", "x"}, {"al", true}}) ==
        "\"al\" is not an argument of end");
}
