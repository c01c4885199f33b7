#include "app/assemble.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "cli/check.h"
#include "files.h"

namespace sallyport::cli {
namespace {

using config::test::Folder;

/// A stream that keeps what is written to it.
class Text final {
 public:
  Text() : stream_(::open_memstream(&data_, &size_)) { REQUIRE(stream_ != nullptr); }
  ~Text() {
    std::fclose(stream_);
    std::free(data_);
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  [[nodiscard]] std::FILE* stream() const { return stream_; }
  [[nodiscard]] std::string str() const {
    std::fflush(stream_);
    return {data_, size_};
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;
};

constexpr std::string_view kGateway = R"([broker]
address = "localhost:8884"
tls = { ca = "ca.crt", certificate = "server.crt", key = "server.key" }
[[listener]]
name = "devices"
address = "0.0.0.0:8883"
tls = { certificate = "server.crt", key = "server.key", client_ca = "ca.crt" }
[[listener]]
name = "plain"
address = "127.0.0.1:1884"
[policy]
files = ["*.policy"]
)";
constexpr std::string_view kPolicy = R"([[role]]
name = "sensor"
match.listener = "devices"
[[role.allow]]
id = "a"
publish = "a"
[[role.deny]]
id = "b"
publish = "b"
)";

/// A folder in which everything is good until a test spoils it.
struct Site {
  Folder folder;
  std::string gateway;

  Site() : gateway(folder.write("gateway.toml", kGateway)) {
    // Long enough for `check` to have nothing to warn of.
    constexpr long kMonth = 30 * 86'400;
    const tls::test::Issued ca =
        tls::test::issue({.common_names = {"test CA"}, .is_ca = true, .valid_to = kMonth}, nullptr);
    const tls::test::Issued server = tls::test::issue(
        {.common_names = {"server"}, .dns = {"localhost"}, .valid_to = kMonth}, &ca);
    folder.write("ca.crt", ca.pem());
    folder.write("server.crt", server.pem());
    folder.write("server.key", server.key_pem());
    folder.write("other.key", ca.key_pem());
    folder.write("one.policy", kPolicy);
  }
  [[nodiscard]] config::Diagnostics errors() const {
    auto result = app::assemble(gateway);
    return result ? config::Diagnostics{} : std::move(result.error());
  }
};

TEST_CASE("everything that files say is loaded") {
  const Site site;
  const auto all = app::assemble(site.gateway);
  if (!all) FAIL(config::test::all(all.error()));
  CHECK(all->options.listeners.size() == 2);
  CHECK(all->policy->role_count() == 1);
  REQUIRE(all->listener_tls.size() == 2);
  REQUIRE(all->listener_tls[0] != nullptr);
  CHECK(all->listener_tls[0]->is_server());
  CHECK(all->listener_tls[1] == nullptr);
  REQUIRE(all->broker_tls != nullptr);
  CHECK(!all->broker_tls->is_server());
  CHECK(all->broker_tls->server_name() == "localhost");
}

TEST_CASE("every file that was read is listed, once") {
  const Site site;
  const auto all = app::assemble(site.gateway);
  REQUIRE(all.has_value());
  std::vector<std::string> files;
  for (const char* name : {"gateway.toml", "ca.crt", "server.crt", "server.key", "one.policy"}) {
    files.push_back(site.folder.path(name));
  }
  CHECK(all->inputs.files == files);
}

TEST_CASE("check says in one line what is there") {
  const Site site;
  const Text out;
  const Text err;
  CHECK(check(site.gateway, out.stream(), err.stream()) == 0);
  CHECK(out.str() == site.gateway + ": ok: 2 listeners, 1 role, 2 rules\n");
  CHECK(err.str() == "");
}

TEST_CASE("errors of the gateway file, the policy and the certificates come at once") {
  const Site site;
  site.folder.write("gateway.toml", std::string(kGateway) + "file = 'x'\n");
  site.folder.write("one.policy", std::string(kPolicy) + "foo = 1\n");
  site.folder.write("server.key", "not a key\n");
  const config::Diagnostics errors = site.errors();
  CAPTURE(config::test::all(errors));
  REQUIRE(errors.size() == 4);
  CHECK(config::test::has(errors, "3:7", "server.key holds no private key"));  // to the broker
  CHECK(config::test::has(errors, "7:7", "server.key holds no private key"));
  CHECK(config::test::has(errors, "13:1", "did you mean \"files\"?"));
  CHECK(config::test::has(errors, "10:1", "unknown key \"foo\""));
  CHECK(errors[3].origin.file == site.folder.path("one.policy"));

  const Text out;
  const Text err;
  CHECK(check(site.gateway, out.stream(), err.stream()) == 1);
  CHECK(out.str() == "");
  const std::string text = err.str();
  CAPTURE(text);
  CHECK(text.starts_with(site.gateway + ":3:7: error: "));
  CHECK(text.find("\n  hint: ") != std::string::npos);
  CHECK(text.ends_with("\n4 errors\n"));
}

TEST_CASE("certificates that are not there, or do not fit") {
  const Site site;
  std::string text(kGateway);
  text.replace(text.find("client_ca = \"ca.crt\""), 20, "client_ca = \"no.crt\"");
  site.folder.write("gateway.toml", text);
  auto errors = site.errors();
  REQUIRE(errors.size() == 1);
  CHECK(config::test::has(errors, "7:7",
                          site.folder.path("no.crt") + " cannot be opened: No such file"));

  text = kGateway;
  text.replace(text.rfind("server.key"), 10, "other.key");
  site.folder.write("gateway.toml", text);
  errors = site.errors();
  REQUIRE(errors.size() == 1);
  CHECK(config::test::has(errors, "7:7", "other.key does not belong to the certificate"));
  CHECK(errors[0].hint.starts_with("use the key"));
}

TEST_CASE("certificates and keys in DER form are called so") {
  const Site site;
  const std::string der("\x30\x82\x01\x02\x02\x01", 6);
  site.folder.write("ca.crt", der);
  site.folder.write("server.key", der);
  const auto errors = site.errors();
  CAPTURE(config::test::all(errors));
  CHECK(config::test::has(errors, "7:7", "ca.crt is in DER form"));
  CHECK(config::test::has(errors, "7:7", "openssl x509 -inform der"));
  CHECK(config::test::has(errors, "7:7", "server.key is in DER form"));
  CHECK(config::test::has(errors, "7:7", "openssl pkey -inform der"));
}

TEST_CASE("what is missing in a tls table is said once") {
  const Site site;
  std::string text(kGateway);
  text.replace(text.rfind("key = \"server.key\", "), 20, "");
  site.folder.write("gateway.toml", text);
  const auto errors = site.errors();
  CAPTURE(config::test::all(errors));
  REQUIRE(errors.size() == 1);
  CHECK(config::test::has(errors, "7:7", "has no \"key\""));
}

TEST_CASE("a role for a listener whose name is wrong is not blamed for it") {
  const Site site;
  std::string text(kGateway);
  text.replace(text.find("\"devices\""), 9, "\"dev ices\"");
  site.folder.write("gateway.toml", text);
  const auto errors = site.errors();
  CAPTURE(config::test::all(errors));
  REQUIRE(errors.size() == 1);
  CHECK(config::test::has(errors, "5:8", "is not a name"));
}

TEST_CASE("a syntax error in the gateway file stands alone") {
  const Site site;
  site.folder.write("one.policy", "also bad");
  site.folder.write("gateway.toml", std::string(kGateway) + "x = \n");
  auto errors = site.errors();
  REQUIRE(errors.size() == 1);
  CHECK(config::test::has(errors, "13:5", "no value"));

  const Text out;
  const Text err;
  CHECK(check(site.folder.path("none.toml"), out.stream(), err.stream()) == 1);
  CHECK(err.str().find("none.toml: error: cannot be read: No such file") != std::string::npos);
  CHECK(err.str().find("errors") == std::string::npos);
}

}  // namespace
}  // namespace sallyport::cli
