// What the patterns of policy_files bring together.

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "config/policy_file.h"
#include "files.h"

namespace sallyport::config {
namespace {

using test::all;
using test::Folder;
using test::policy_of;

constexpr std::string_view role_text(char name) {
  switch (name) {
    case 'a':
      return "[[role]]\nname = 'a'\n[[role.allow]]\nid = 'a1'\npublish = 'a'\n";
    case 'b':
      return "[[role]]\nname = 'b'\n[[role.allow]]\nid = 'b1'\npublish = 'b'\n";
    default:
      return "";
  }
}

struct Tree {
  Folder folder;
  GatewayOptions options;

  explicit Tree(std::vector<std::string> patterns) {
    options.file = folder.path("gateway.toml");
    options.policy_origin = {options.file, 4, 9};
    for (const std::string& pattern : patterns) {
      options.policy_files.push_back(folder.path(pattern));
    }
  }
  [[nodiscard]] Diagnostics errors() const {
    auto result = load_policy(options);
    return result ? Diagnostics{} : std::move(result.error());
  }
};

TEST_CASE("the files of all patterns are merged, each read once") {
  const Tree tree({"p/*.toml", "p/b.toml", "p/link.toml"});
  std::filesystem::create_directory(tree.folder.path("p"));
  tree.folder.write("p/b.toml", role_text('b'));
  tree.folder.write("p/a.toml", role_text('a'));
  tree.folder.write("p/ignored.txt", "not TOML");
  std::filesystem::create_symlink(tree.folder.path("p/a.toml"), tree.folder.path("p/link.toml"));
  const auto policy = load_policy(tree.options);
  if (!policy) FAIL(all(policy.error()));
  CHECK((*policy)->role_count() == 2);
  CHECK((*policy)->rule_count() == 2);
}

TEST_CASE("a pattern without a match is an error, and so is a policy without a role") {
  const Tree tree({"*.toml", "typo.toml"});
  CHECK(tree.errors().size() == 2);
  CHECK(test::has(tree.errors(), "4:9", "no policy file matches"));
  tree.folder.write("a.toml", role_text('a'));
  CHECK(tree.errors().size() == 1);
  CHECK(test::has(tree.errors(), "4:9", "typo.toml"));
  CHECK(tree.errors()[0].origin.file == tree.options.file);

  const Tree empty({"*.toml"});
  empty.folder.write("a.toml", "# nothing yet\n");
  CHECK(empty.errors().size() == 1);
  CHECK(test::has(empty.errors(), "4:9", "nobody could pass"));
  empty.folder.write("a.toml", "role = []\n");
  CHECK(test::has(empty.errors(), "4:9", "nobody could pass"));

  const Tree none({});
  CHECK(test::has(none.errors(), "4:9", "no policy file is named"));
}

TEST_CASE("errors of all files come at once, by file") {
  const Tree tree({"*.toml"});
  tree.folder.write("c.toml", "[[role]]\nname = 3\n");
  tree.folder.write("b.toml", "[[role]\n");
  tree.folder.write("a.toml", std::string(role_text('a')) + "foo = 1\n");
  std::filesystem::create_directory(tree.folder.path("d.toml"));
  const Diagnostics errors = tree.errors();
  CAPTURE(all(errors));
  REQUIRE(errors.size() == 4);
  CHECK(errors[0].origin.file == tree.folder.path("a.toml"));
  CHECK(test::place(errors[0]) == "6:1");
  CHECK(errors[1].origin.file == tree.folder.path("b.toml"));
  CHECK(test::place(errors[1]) == "1:1");
  CHECK(errors[2].origin.file == tree.folder.path("c.toml"));
  CHECK(test::place(errors[2]) == "2:8");
  CHECK(errors[3].origin.file == tree.folder.path("d.toml"));
  CHECK(errors[3].message.find("is a directory") != std::string::npos);
}

TEST_CASE("what can be read is checked beside what cannot") {
  const auto result = policy_of(R"([[role]]
name = 'r'
match = { address = 'nowhere', usrname = 'x' }
client_id = '*'
limits = { burst = 5, max_packet = 3 }
[[role.allow]]
publish = ['a/#/b', 'ok', 'c+']
max_qos = 9
[[role.allow]]
id = 'a b'
publish = 1
)");
  REQUIRE(!result.has_value());
  CAPTURE(all(result.error()));
  CHECK(test::has(result.error(), "3:21", "is not an IP address"));
  CHECK(test::has(result.error(), "3:32", "did you mean \"username\"?"));
  CHECK(test::has(result.error(), "4:13", "wildcard in client_id"));
  CHECK(test::has(result.error(), "5:12", "needs \"messages\""));
  CHECK(test::has(result.error(), "5:36", "has no unit"));
  CHECK(test::has(result.error(), "6:1", "has no \"id\""));
  CHECK(test::has(result.error(), "7:12", "\"#\" before the end"));
  CHECK(test::has(result.error(), "7:27", "wildcard inside level"));
  CHECK(test::has(result.error(), "8:11", "accepted: 0 to 2"));
  CHECK(test::has(result.error(), "10:6", "is not a name"));
  CHECK(test::has(result.error(), "11:11", "is an integer (1)"));
  CHECK(result.error().size() == 11);
}

TEST_CASE("a name used in two files is an error that names both") {
  const Tree tree({"*.toml"});
  tree.folder.write("a.toml", role_text('a'));
  tree.folder.write("b.toml", "# comment\n" + std::string(role_text('a')));
  const Diagnostics errors = tree.errors();
  CAPTURE(all(errors));
  REQUIRE(errors.size() == 2);  // the role and its rule
  CHECK(errors[0].origin.file == tree.folder.path("b.toml"));
  CHECK(test::place(errors[0]) == "2:1");
  CHECK(errors[0].message.find(tree.folder.path("a.toml") + ":1:1") != std::string::npos);
  CHECK(test::place(errors[1]) == "4:1");
}

TEST_CASE("a role may name a listener by a pattern, but not one that is not there") {
  Tree tree({"*.toml"});
  tree.folder.write("a.toml",
                    "[[role]]\nname = 'a'\nmatch.listener = 'dev*'\n"
                    "[[role.deny]]\nid = 'x'\npublish = '#'\n");
  tree.options.listeners.emplace_back().name = "devices";
  CHECK(tree.errors().empty());
  tree.options.listeners[0].name = "gadgets";
  CHECK(test::has(tree.errors(), "3:18", "listener \"dev*\""));
}

}  // namespace
}  // namespace sallyport::config
