#include <chrono>
#include <filesystem>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "pair.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;

namespace {

/// Loading fails with exactly one error, about `file`, that holds `words`.
void refuses(const Context::Result& result, const std::string& file, std::string_view words) {
  CAPTURE(file);
  CAPTURE(words);
  CAPTURE(errors_of(result));
  REQUIRE_FALSE(result.has_value());
  REQUIRE(result.error().size() == 1);
  CHECK(result.error()[0].file == file);
  CHECK(result.error()[0].message.find(words) != std::string::npos);
}

ServerOptions with_certificate(std::string file) {
  ServerOptions options = pki().server();
  options.certificate = std::move(file);
  return options;
}

ServerOptions with_key(std::string file) {
  ServerOptions options = pki().server();
  options.key = std::move(file);
  return options;
}

ServerOptions with_client_ca(std::string file) {
  ServerOptions options = pki().server(ClientCertificate::required);
  options.client_ca = std::move(file);
  return options;
}

std::string with_crlf(std::string_view text) {
  std::string changed;
  for (const char c : text) changed += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return changed;
}

/// A server certificate and key of their own.
Issued server_certificate(KeyType type = KeyType::p256) {
  return issue({.common_names = {"x"}, .dns = {"gateway.test"}, .key = type}, &pki().server_ca);
}

}  // namespace

TEST_CASE("what is right loads, and says until when it is valid") {
  const Context::Ptr context = load(pki().server(ClientCertificate::optional));
  CHECK(context->is_server());
  CHECK(context->server_name().empty());
  const auto left = context->not_after() - std::chrono::system_clock::now();
  CHECK(left > std::chrono::minutes(55));
  CHECK(left <= std::chrono::minutes(60));

  const Context::Ptr client = load(pki().client());
  CHECK_FALSE(client->is_server());
  CHECK(client->server_name() == "gateway.test");
  CHECK(client->not_after() == std::chrono::system_clock::time_point());
  CHECK(load(pki().device())->not_after() > std::chrono::system_clock::now());
}

TEST_CASE("an expired certificate loads; its clients decide") {
  ServerOptions options = pki().server();
  std::tie(options.certificate, options.key) = pki().write(
      "expired-server",
      issue({.common_names = {"x"}, .valid_from = -7200, .valid_to = -3600}, &pki().server_ca));
  CHECK(load(options)->not_after() < std::chrono::system_clock::now());
}

TEST_CASE("a certificate that never expires loads") {
  ServerOptions options = pki().server();
  std::tie(options.certificate, options.key) = pki().write(
      "for-ever", issue({.common_names = {"x"}, .valid_to = 250'000'000'000}, &pki().server_ca));
  CHECK(load(options)->not_after() > std::chrono::system_clock::now() + std::chrono::hours(24));
}

TEST_CASE("keys of every form and type load") {
  const Issued ec = server_certificate();
  const std::string certificate = pki().folder.write("forms.crt", ec.pem());
  for (const std::string& pem :
       {to_pem(ec.key.get()), to_traditional_pem(ec.key.get()),
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" +
            to_traditional_pem(ec.key.get()),
        with_crlf(to_pem(ec.key.get())),
        "some words in front\n" + ec.pem() + to_pem(ec.key.get()) + "and behind\n"}) {
    ServerOptions options = with_certificate(certificate);
    options.key = pki().folder.write("forms.key", pem);
    CHECK_MESSAGE(Context::load_server(options).has_value(),
                  errors_of(Context::load_server(options)));
  }
  // Both in one file.
  const std::string both = pki().folder.write("both.pem", to_pem(ec.key.get()) + ec.pem());
  ServerOptions options = with_certificate(both);
  options.key = both;
  CHECK(Context::load_server(options).has_value());
}

TEST_CASE("files that cannot be read") {
  const std::string missing = pki().folder.path("nowhere.crt");
  const std::string folder = pki().folder.path("folder");
  std::filesystem::create_directory(folder);
  const std::string empty = pki().folder.write("empty.pem", "");
  const std::string fifo = pki().folder.path("fifo");
  REQUIRE((::mkfifo(fifo.c_str(), 0600) == 0 || errno == EEXIST));
  const std::string huge = pki().folder.write("huge.pem", std::string(5U << 20, ' '));

  for (const auto& [file, words] :
       {std::pair<std::string, const char*>{missing, "No such file or directory"},
        {folder, "is a directory"},
        {empty, "is empty"},
        {fifo, "is not a regular file"},
        {huge, "is larger than 4 MiB"}}) {
    refuses(Context::load_server(with_certificate(file)), file, words);
    refuses(Context::load_server(with_key(file)), file, words);
    refuses(Context::load_server(with_client_ca(file)), file, words);
    ClientOptions options = pki().client();
    options.ca = file;
    refuses(Context::load_client(options), file, words);
  }
  std::filesystem::remove(fifo);
}

TEST_CASE("files that hold something else") {
  const std::string text = pki().folder.write("text.pem", "hello\n");
  const std::string cut = pki().folder.write("cut.pem", pki().server_ca.pem().substr(0, 200));
  const std::string not_base64 = pki().folder.write(
      "not-base64.pem", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
  const std::string not_x509 = pki().folder.write(
      "not-x509.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const std::string second_bad = pki().folder.write(
      "second-bad.pem", server_certificate().pem() +
                            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

  refuses(Context::load_server(with_certificate(text)), text, "holds no certificate");
  refuses(Context::load_server(with_key(text)), text, "holds no private key");
  refuses(Context::load_server(with_client_ca(text)), text, "holds no certificate");
  refuses(Context::load_server(with_certificate(cut)), cut, "cut short or damaged");
  refuses(Context::load_server(with_key(cut)), cut, "cut short or damaged");
  refuses(Context::load_server(with_certificate(not_base64)), not_base64, "cut short or damaged");
  refuses(Context::load_server(with_certificate(not_x509)), not_x509,
          "certificate 1 in it is not a valid X.509 certificate");
  refuses(Context::load_server(with_certificate(second_bad)), second_bad, "certificate 2 in it");
  refuses(Context::load_server(with_certificate(pki().server_key_file)), pki().server_key_file,
          "are certificate and key swapped?");
  refuses(Context::load_server(with_key(pki().server_file)), pki().server_file,
          "are certificate and key swapped?");
}

TEST_CASE("keys that cannot be used") {
  const Issued server = server_certificate();
  const std::string encrypted =
      pki().folder.write("encrypted.key", to_encrypted_pem(server.key.get()));
  const std::string traditional = pki().folder.write(
      "encrypted-traditional.key", to_traditional_encrypted_pem(server.key.get()));
  const std::string two =
      pki().folder.write("two.key", server.key_pem() + pki().server_ca.key_pem());
  const std::string broken = pki().folder.write(
      "broken.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  refuses(Context::load_server(with_key(encrypted)), encrypted, "encrypted with a passphrase");
  refuses(Context::load_server(with_key(traditional)), traditional, "encrypted with a passphrase");
  refuses(Context::load_server(with_key(two)), two, "more than one private key");
  refuses(Context::load_server(with_key(broken)), broken, "cannot be used");

  // A key of another certificate: both files are named.
  refuses(Context::load_server(with_key(pki().device_key_file)), pki().device_key_file,
          "does not belong to the certificate " + pki().server_file);

  ServerOptions weak;
  std::tie(weak.certificate, weak.key) = pki().write("weak", server_certificate(KeyType::rsa1024));
  refuses(Context::load_server(weak), weak.key, "fewer than 2048 bits");
}

TEST_CASE("a chain in the wrong order is told from a wrong key") {
  const Issued middle = issue({.common_names = {"Middle CA"}, .is_ca = true}, &pki().server_ca);
  const Issued leaf = issue({.common_names = {"x"}, .dns = {"gateway.test"}}, &middle);
  ServerOptions options;
  options.key = pki().folder.write("ordered.key", leaf.key_pem());
  options.certificate = pki().folder.write("ordered.crt", middle.pem() + leaf.pem());
  refuses(Context::load_server(options), options.certificate, "at place 2; put it first");

  options.certificate = pki().folder.write("ordered.crt", leaf.pem() + middle.pem());
  Pair pair(load(options), load(pki().client()));
  pair.shake_hands();
  CHECK(pair.open());  // the intermediate was sent
}

TEST_CASE("client certificates and their CA belong together") {
  ServerOptions without_ca = pki().server(ClientCertificate::required);
  without_ca.client_ca.clear();
  refuses(Context::load_server(without_ca), "", "client_ca names no CA");

  ServerOptions unused = pki().server();
  unused.client_ca = pki().devices_ca_file;
  refuses(Context::load_server(unused), pki().devices_ca_file, "would never be used");

  refuses(Context::load_server(with_client_ca(pki().device_file)), pki().device_file,
          "certificate 1 in it is not a CA's");
  refuses(Context::load_server(with_client_ca(pki().device_key_file)), pki().device_key_file,
          "holds a private key, but no certificate");

  // The same CA twice is one CA.
  CHECK(Context::load_server(with_client_ca(pki().folder.write(
                                 "twice.crt", pki().devices_ca.pem() + pki().devices_ca.pem())))
            .has_value());
}

TEST_CASE("a client needs a CA and a name") {
  ClientOptions options = pki().client();
  options.ca.clear();
  refuses(Context::load_client(options), "", "needs a ca");
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a b"), std::string("a..b"),
        std::string("broker\0.test", 12), std::string("[::1]"), std::string("*.test"),
        std::string(254, 'a'), std::string(64, 'a') + ".test",
        std::string("b\xc3\xbc"
                    "cher.test")}) {
    options = pki().client();
    options.server_name = name;
    refuses(Context::load_client(options), "", "server_name is neither");
  }
  for (const char* name :
       {"broker", "broker.test", "broker_1.test", "10.0.0.1", "::1", "fe80::1"}) {
    options = pki().client();
    options.server_name = name;
    CHECK(Context::load_client(options).has_value());
  }
  options = pki().client();
  options.certificate = pki().device_file;
  refuses(Context::load_client(options), pki().device_file, "has no private key");
  options = pki().client();
  options.key = pki().device_key_file;
  refuses(Context::load_client(options), pki().device_key_file, "belongs to no certificate");
}

TEST_CASE("all errors come at once") {
  ServerOptions options;
  options.certificate = pki().folder.path("no.crt");
  options.key = pki().folder.path("no.key");
  options.client_ca = pki().folder.path("no-ca.crt");
  options.client_certificate = ClientCertificate::required;
  const auto server = Context::load_server(options);
  REQUIRE_FALSE(server.has_value());
  REQUIRE_MESSAGE(server.error().size() == 3, errors_of(server));
  CHECK(server.error()[0].file == options.certificate);
  CHECK(server.error()[1].file == options.key);
  CHECK(server.error()[2].file == options.client_ca);

  ClientOptions client;
  client.certificate = pki().device_file;
  client.key = pki().server_key_file;
  client.ca = pki().folder.path("no-ca.crt");
  client.server_name = "not a name";
  const auto result = Context::load_client(client);
  REQUIRE_FALSE(result.has_value());
  CHECK_MESSAGE(result.error().size() == 3, errors_of(result));

  CHECK_FALSE(Context::load_server({}).has_value());
  CHECK_FALSE(Context::load_client({}).has_value());
}
