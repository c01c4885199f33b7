#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "config/document.h"
#include "files.h"

namespace sallyport::config {
namespace {

using test::Bad;
using test::Folder;

std::expected<Node, Diagnostic> read(std::string_view text) {
  const auto source = make_source("f.toml", std::string(text));
  if (!source) return std::unexpected(source.error());
  return parse(*source);
}

TEST_CASE("a syntax error is one line with the place it stands at") {
  const Bad cases[] = {
      {"a = 1\nb = \n", "2:5", "no value after '='"},
      {"a = 1\nb =\n", "2:4", "no value after '='"},
      {"a = 1\na = 2\n", "2:5", "\"a\" is defined twice"},
      {"a = 1\na = 2\n", "2:5", "first defined in line 1"},
      {"[x]\n\n[x]\n", "3:1", "\"x\" is defined twice"},
      {"x = 1\n[x]\n", "2:1", "\"x\" is defined twice"},
      {"a = { b = 1, b = 2 }\n", "1:18", "\"b\" is defined twice"},
      {"[[r]]\n[r]\n", "2:1", "\"r\" is defined twice"},
      {"a = \"abc\nb = 1\n", "1:5", "no closing quote"},
      {"a = 'abc\nb = 1\n", "1:5", "no closing quote"},
      {"a = \"abc", "1:5", "no closing quote"},
      {"a = \"\"\"abc\nb = 1\n", "1:5", "no closing quotes"},
      {"a = '''abc\n''\n", "1:5", "no closing quotes"},
      {"a = \"x\\q\"\n", "1:7", "bad escape"},
      {"a = \"x\\u12\"\n", "1:7", "four and \\U eight"},
      {"a = \"x\\u0000\"\n", "1:7", "U+0000"},
      {"a = \"\\uD800\"\n", "1:12", "escape is not a Unicode character"},
      {"a = \"\x01\"\n", "1:6", "control character in a string"},
      {"a = \"\"\"\n\x7F\"\"\"\n", "2:1", "control character in a string"},
      {"a = 1 # \x1B[2J\n", "1:9", "control character in a comment"},
      {"a = \x01\n", "1:5", "control character outside a string"},
      {"a = 1\rb = 2\n", "1:6", "carriage return"},
      {"a = [1,\nb = 3\n", "1:5", "'[' has no closing bracket"},
      {"a = { b = 1\n", "1:5", "'{' has no closing bracket"},
      {"[a\nb = 1\n", "1:1", "'[' has no closing bracket"},
      {"a = [1, 2}\n", "1:10", "'}' without '{'"},
      {"a = 1]\n", "1:6", "']' without '['"},
      {"[a]]\n", "1:4", "']' without '['"},
      {"a = [1 2]\n", "1:8", "no ',' between the items"},
      {"a = {b = 1 c = 2}\n", "1:12", "no ',' between the keys"},
      {"a = {b = 1,}\n", "1:12", "',' before the '}'"},
      {"a = {b = 1,, c = 2}\n", "1:12", "not a valid key"},
      {"a = {b = 1\n}\n", "1:11", "must end on its line"},
      {"a b = 1\n", "1:2", "not a valid key"},
      {"= 1\n", "1:1", "no key before '='"},
      {"a\n", "1:2", "no '='"},
      {"a=1\n\n  junk\n", "3:7", "no '='"},
      {"[]\n", "1:1", "not a valid key"},
      {"[a] b = 1\n", "1:4", "more on the line"},
      {"a = 1 b = 2\n", "1:7", "more on the line"},
      {"a = 08\n", "1:5", "may not begin with 0"},
      {"a = tru\n", "1:5", "not a value"},
      {"a = yes\n", "1:5", "not a value"},
      {"a = 1_\n", "1:6", "not a valid integer"},
      {"a = 0x\n", "1:5", "not a valid integer"},
      {"a = 0b2\n", "1:5", "not a valid integer"},
      {"a = 0xZ\n", "1:5", "not a valid integer"},
      {"a = 1._\n", "1:6", "not a valid number"},
      {"[b]\nc = 1\n  d = @\n", "3:7", "not a value"},
      {"x = {a = 1}\n[x.y]\n", "2:1", "cannot be added to"},
      {"a = [{b = 1}]\n[[a]]\n", "2:1", "cannot be added to with [[ ]]"},
      {"a.b = 1\na.b.c = 2\n", "2:9", "not a table"},
      {"\xC3\xA4 = \"\xC3\xA4\" x\n", "1:1", "key"},
      {"a = \"\xC3\xA4\" x\n", "1:9", "more on the line"},
      {"a = 0b1111111111111111111111111111111111111111111111111111111111111111\n", "1:5",
       "integer is too large"},
      {"a = 1979-13-45\n", "1:15", "month"},
  };
  for (const Bad& bad : cases) {
    CAPTURE(bad.text);
    const auto result = read(bad.text);
    REQUIRE(!result.has_value());
    CAPTURE(to_string(result.error()));
    CHECK(test::place(result.error()) == bad.where);
    CHECK(test::has({result.error()}, bad.where, bad.fragment));
    CHECK(result.error().message.find('\n') == std::string::npos);
    CHECK(result.error().message.find("toml::") == std::string::npos);
  }
}

TEST_CASE("nesting that would exhaust the stack is refused") {
  for (const std::string open : {"[", "{a=", "[{a="}) {
    std::string text = "a = ";
    for (int i = 0; i < 4000; ++i) text += open;
    const auto result = read(text);
    REQUIRE(!result.has_value());
    CHECK(result.error().message.find("nested more than 16 deep") != std::string::npos);
  }
  std::string keys = "a";
  for (int i = 0; i < 4000; ++i) keys += ".a";
  for (const std::string& text :
       {keys + " = 1\n", "[" + keys + "]\n", "b = { " + keys + " = 1 }"}) {
    const auto result = read(text);
    REQUIRE(!result.has_value());
    CHECK(result.error().message.find("more than 16 parts") != std::string::npos);
  }
  CHECK(read("a = [[[[[[[[[[[[[[[[ ]]]]]]]]]]]]]]]]\n").has_value());
  CHECK(read("a = \"[[[[[[[[[[[[[[[[[[[[[[[[[[[\" # [[[[[[[[[[[[[[[[[[[[[\n").has_value());
}

TEST_CASE("a line that would keep the parser busy for minutes is refused") {
  const std::string comment(16 * 1024 - 1, '#');
  CHECK(read("a = 1\n" + comment + "#\n").has_value());
  const auto result = read("a = 1\n" + comment + "##\n");
  REQUIRE(!result.has_value());
  CHECK(test::place(result.error()) == "2:1");
  CHECK(result.error().message == "line is longer than 16 KiB");
}

TEST_CASE("strings of all four kinds") {
  const auto root = read(
      "a = \"x \\\"\\u00e4\\\\\"\nb = 'x \\ \"'\nc = \"\"\"x\n\\\"\"\"\"\"\"\n"
      "d = '''x'''''\ne = \"\"\"x\\\n   y\"\"\"\n");
  REQUIRE(root.has_value());
  REQUIRE(root->members.size() == 5);
  CHECK(root->members[0].value.text == "x \"\xC3\xA4\\");
  CHECK(root->members[1].value.text == "x \\ \"");
  CHECK(root->members[2].value.text == "x\n\"\"\"");
  CHECK(root->members[3].value.text == "x''");
  CHECK(root->members[4].value.text == "xy");
}

TEST_CASE("integers that do not fit are not taken for others that do") {
  const auto root = read(
      "a = 9223372036854775807\nb = 9223372036854775808\nc = -9223372036854775809\n"
      "d = 0xFFFFFFFFFFFFFFFFF\ne = 0o777\nf = 0b101\ng = 1_000\nh = +7\n"
      "i = 0xFF\n");
  REQUIRE(root.has_value());
  const auto integer = [&](std::size_t i) { return root->members[i].value.integer; };
  CHECK(integer(0) == INT64_MAX);
  CHECK(!integer(1).has_value());
  CHECK(!integer(2).has_value());
  CHECK(!integer(3).has_value());
  CHECK(integer(4) == 511);
  CHECK(integer(5) == 5);
  CHECK(integer(6) == 1000);
  CHECK(integer(7) == 7);
  CHECK(integer(8) == 255);
}

TEST_CASE("every key and value has its place, in the order of the file") {
  const auto root = read(
      "# comment\n\nzz = 1\n\"a b\".'c' = { d . e = [1,\n  2] }\n"
      "[ h . \"i j\" ]\nk   =   true\n[[l]]\n[[l.m]]\nn = 1\n[[l]]\n");
  REQUIRE(root.has_value());
  const auto show = [](const Member& member) {
    return member.key + "@" + std::to_string(member.at.line) + ":" +
           std::to_string(member.at.column) + "=" + std::to_string(member.value.at.line) + ":" +
           std::to_string(member.value.at.column);
  };
  REQUIRE(root->members.size() == 4);
  CHECK(show(root->members[0]) == "zz@3:1=3:6");
  CHECK(root->members[1].key == "a b");
  CHECK(root->members[1].at.line == 4);
  const Member& c = root->members[1].value.members.at(0);
  CHECK(show(c) == "c@4:7=4:13");
  const Member& e = c.value.members.at(0).value.members.at(0);
  CHECK(show(e) == "e@4:19=4:23");
  CHECK(e.value.items.at(1).at.line == 5);
  CHECK(e.value.items.at(1).at.column == 3);
  CHECK(show(root->members[2]) == "h@6:3=6:1");
  CHECK(show(root->members[2].value.members.at(0)) == "i j@6:7=6:1");
  CHECK(show(root->members[2].value.members.at(0).value.members.at(0)) == "k@7:1=7:9");
  CHECK(show(root->members[3]) == "l@8:3=8:1");
  CHECK(root->members[3].value.items.at(1).at.line == 11);
}

TEST_CASE("columns count characters") {
  const auto root =
      read("a = \"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\" # x\nb = [\"\xC3\xA4\", 1]\n");
  REQUIRE(root.has_value());
  CHECK(root->members[1].value.items[1].at.column == 11);
}

TEST_CASE("a byte order mark and CR LF are no errors") {
  const auto root = read(
      "\xEF\xBB\xBF"
      "a = 1\r\nb = [\r\n 2 ]\r\n");
  REQUIRE(root.has_value());
  CHECK(root->members[0].at.column == 1);
  CHECK(root->members[1].value.items[0].at.line == 3);
}

TEST_CASE("a second byte order mark is an error") {
  const auto root = read("\xEF\xBB\xBF\xEF\xBB\xBF a = 1\n");
  REQUIRE(!root.has_value());
  CHECK(root.error().message == "a second byte order mark (U+FEFF)");
}

TEST_CASE("what is not a text file is refused with one clear error") {
  const Folder folder;
  const auto only = [](const std::string& path) {
    const auto result = load_gateway(path);
    REQUIRE(!result.has_value());
    REQUIRE(result.error().size() == 1);
    CHECK(result.error()[0].origin.file == path);
    return result.error()[0];
  };

  CHECK(only(folder.path("none.toml")).message == "cannot be read: No such file or directory");
  CHECK(only("").message.find("not a usable file name") != std::string::npos);
  CHECK(only(std::string("a\0b", 3)).message.find("not a usable") != std::string::npos);
  CHECK(only(folder.path("")).message == "is a directory, not a file");
  CHECK(only("/dev/null").message == "is not a regular file");

  REQUIRE(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  CHECK(only(folder.path("fifo")).message == "is not a regular file");

  const auto nul = only(folder.write("nul.toml", std::string_view("a = 1\nb\0 = 2\n", 13)));
  CHECK(nul.message == "file holds a NUL byte");
  CHECK(test::place(nul) == "2:2");

  const auto latin = only(folder.write("latin1.toml", "a = \"\xC3\xA4\"\nb = \"\xE4\"\n"));
  CHECK(latin.message == "byte 0xE4 is not valid UTF-8");
  CHECK(test::place(latin) == "2:6");

  for (const char* bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"}) {
    const auto wrong = only(folder.write("bad.toml", "a = 1 # " + std::string(bad)));
    CHECK(wrong.message.find("is not valid UTF-8") != std::string::npos);
    CHECK(test::place(wrong) == "1:9");
  }

  const auto large = only(folder.write("large.toml", std::string(kMaxFileSize + 1, '#')));
  CHECK(large.message == "file is larger than 4 MiB");
  CHECK(large.origin.line == 0);
  CHECK(read_source(folder.write("fits.toml", std::string(kMaxFileSize, '#'))).has_value());
}

TEST_CASE("to_string") {
  Diagnostic diagnostic{
      {"gateway.toml", 12, 9}, "unknown key \"adress\" in [broker]", "did you mean \"address\"?"};
  CHECK(to_string(diagnostic) ==
        "gateway.toml:12:9: error: unknown key \"adress\" in [broker]\n"
        "  hint: did you mean \"address\"?");
  diagnostic.hint.clear();
  diagnostic.origin.line = 0;
  CHECK(to_string(diagnostic) == "gateway.toml: error: unknown key \"adress\" in [broker]");
  diagnostic.message = "a\x1B[2J\n\xC2\x9B\xC3\xA4\x7F";
  CHECK(to_string(diagnostic) == "gateway.toml: error: a\\x1b[2J\\x0a\\x9b\xC3\xA4\\x7f");
}

}  // namespace
}  // namespace sallyport::config
