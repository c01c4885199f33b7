#include <array>

#include <doctest/doctest.h>
#include <openssl/sha.h>

#include "pair.h"
#include "raw_client.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;
using namespace std::string_literals;

namespace {

struct Seen {
  std::shared_ptr<const Certificate> certificate;
  std::string error;
};

/// What a server knows after a client showed a certificate that says `request`.
Seen show(const Request& request) {
  static const Context::Ptr server = load(pki().server(ClientCertificate::required));
  Pair pair(server, load(pki().device(request)));
  pair.shake_hands();
  Seen seen{pair.server.engine.peer_certificate(), std::string(pair.server.engine.failure().text)};
  CHECK((seen.certificate != nullptr) == (pair.server.engine.state() == Engine::State::open));
  CHECK((seen.certificate == nullptr) == (pair.server.engine.state() == Engine::State::failed));
  if (seen.certificate == nullptr) CHECK(pair.client.engine.state() == Engine::State::failed);
  return seen;
}

std::string hex(Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("the identity is what the certificate says") {
  Pair pair(load(pki().server(ClientCertificate::required)), load(pki().device()));
  pair.shake_hands();
  const auto certificate = pair.server.engine.peer_certificate();
  REQUIRE(certificate != nullptr);
  CHECK(certificate->common_name == "sensor-7");
  CHECK(certificate->serial == "c0ffee");
  CHECK(certificate->san_dns == std::vector<std::string>{"sensor-7.plant.test"});
  CHECK(certificate->san_uri == std::vector<std::string>{"urn:plant:sensor-7"});

  // The fingerprint is that of the DER form.
  CHECK(certificate->fingerprint.size() == 64);
  const Issued other = issue({.common_names = {"y"}}, &pki().devices_ca);
  std::array<std::uint8_t, 32> digest{};
  const std::string der = other.der();
  SHA256(as_bytes(der).data(), der.size(), digest.data());
  ClientOptions options = pki().client();
  std::tie(options.certificate, options.key) = pki().write("fingerprint", other);
  Pair second(load(pki().server(ClientCertificate::required)), load(options));
  second.shake_hands();
  REQUIRE(second.server.engine.peer_certificate() != nullptr);
  CHECK(second.server.engine.peer_certificate()->fingerprint == hex(digest));
}

TEST_CASE("names may be missing, and other kinds of names are passed over") {
  const Seen seen = show({.dns = {"only.dns.test"}, .emails = {"someone@plant.test"}});
  REQUIRE(seen.certificate != nullptr);
  CHECK(seen.certificate->common_name == "");
  CHECK(seen.certificate->san_dns == std::vector<std::string>{"only.dns.test"});
  CHECK(seen.certificate->san_uri.empty());
  const Seen bare = show({.common_names = {"bare"}});
  REQUIRE(bare.certificate != nullptr);
  CHECK(bare.certificate->san_dns.empty());
}

TEST_CASE("common names come in several encodings and are UTF-8 here") {
  const Seen utf8 = show({.common_names = {"capteur-é"}});
  REQUIRE(utf8.certificate != nullptr);
  CHECK(utf8.certificate->common_name == "capteur-é");
  const Seen printable =
      show({.common_names = {"plain-1"}, .common_name_type = V_ASN1_PRINTABLESTRING});
  REQUIRE(printable.certificate != nullptr);
  CHECK(printable.certificate->common_name == "plain-1");
  const Seen bmp = show({.common_names = {"\0S\x20\xac"s}, .common_name_type = V_ASN1_BMPSTRING});
  REQUIRE(bmp.certificate != nullptr);
  CHECK(bmp.certificate->common_name == "S€");
}

TEST_CASE("serial numbers are lower-case hex") {
  for (const auto& [serial, text] : {std::pair<std::uint64_t, const char*>{0x0a, "0a"},
                                     {0xab00, "ab00"},
                                     {0xffffffffffffffffU, "ffffffffffffffff"}}) {
    const Seen seen = show({.common_names = {"x"}, .serial = serial});
    REQUIRE(seen.certificate != nullptr);
    CHECK(seen.certificate->serial == text);
  }
}

TEST_CASE("names that two readers would read differently fail the handshake") {
  const std::string too_long(257, 'x');
  struct Case {
    std::string what;
    Request request;
    std::string expected;  // how the error begins; empty: any, also from BoringSSL
  };
  const char* const kBadName = "common name of the client certificate holds";
  const char* const kBadSan = "a subject alternative name of the client certificate holds";
  std::vector<std::string> seventeen(17, "n.test");
  const Case cases[] = {
      {"NUL in the common name", {.common_names = {"admin\0.evil"s}}, kBadName},
      {"NUL at its end", {.common_names = {"admin\0"s}}, kBadName},
      {"newline in it", {.common_names = {"admin\nfake log line"}}, kBadName},
      {"DEL in it", {.common_names = {"admin\x7f"}}, kBadName},
      {"C1 control character in it", {.common_names = {"admin\xc2\x9b[2J"}}, kBadName},
      {"NUL in a UTF-16 name",
       {.common_names = {"\0a\0\0\0b"s}, .common_name_type = V_ASN1_BMPSTRING},
       kBadName},
      {"two common names",
       {.common_names = {"sensor-7", "admin"}},
       "client certificate has more than one common name"},
      {"a long common name",
       {.common_names = {too_long}},
       "common name of the client certificate is too long"},
      {"NUL in a DNS name", {.dns = {"admin\0.evil.test"s}}, kBadSan},
      {"newline in a URI", {.uris = {"urn:a\nb"}}, kBadSan},
      {"space in front of a DNS name is fine, umlaut is not", {.dns = {"m\xc3\xbcller.test"}}, ""},
      {"an empty DNS name", {.dns = {""}}, ""},
      {"a long URI",
       {.uris = {"urn:" + too_long}},
       "a subject alternative name of the client certificate is too long"},
      {"too many names",
       {.dns = seventeen},
       "client certificate has too many subject alternative names"},
      {"too many names of both kinds",
       {.dns = std::vector<std::string>(9, "n.test"), .uris = std::vector<std::string>(8, "urn:n")},
       "client certificate has too many subject alternative names"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const Seen seen = show(one.request);
    CHECK(seen.certificate == nullptr);
    CHECK_MESSAGE(seen.error.starts_with(one.expected), seen.error);
    CHECK_FALSE(seen.error.empty());
  }
}

TEST_CASE("names that no library writes fail the handshake too") {
  struct Case {
    std::string what;
    std::string name;
  };
  const Case cases[] = {
      {"not UTF-8", "adm\xffin"},          {"overlong UTF-8", "adm\xc0\xae"},
      {"a surrogate", "adm\xed\xa0\x80"},  {"beyond Unicode", "a\xf4\x90\x80\x80"},
      {"UTF-8 cut short", "admi\xe2\x82"}, {"a continuation byte alone", "adm\x80in"},
  };
  const Context::Ptr server = load(pki().server(ClientCertificate::required));
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const std::string mark(one.name.size(), '@');
    const Patched bad = issue_patched({.common_names = {mark}, .usage = "clientAuth"},
                                      pki().devices_ca, mark, one.name);
    RawClient client(server);
    client.use(bad.der, bad.key.get());
    client.shake_hands();
    CHECK(client.server.engine.state() == Engine::State::failed);
    CHECK(client.server.engine.peer_certificate() == nullptr);
    CHECK_FALSE(client.server.engine.failure().text.empty());
  }
  // That it is the name: without the change it is let in.
  const Patched good = issue_patched({.common_names = {"@@@@"}, .usage = "clientAuth"},
                                     pki().devices_ca, "@@@@", "four");
  RawClient client(server);
  client.use(good.der, good.key.get());
  client.shake_hands();
  REQUIRE(client.server.engine.peer_certificate() != nullptr);
  CHECK(client.server.engine.peer_certificate()->common_name == "four");
}

TEST_CASE("a negative serial number is not taken for a positive one") {
  const Patched negative = issue_patched({.common_names = {"x"}, .serial = 0x7f}, pki().devices_ca,
                                         "\x02\x01\x7f", "\x02\x01\x81");
  RawClient client(load(pki().server(ClientCertificate::required)));
  client.use(negative.der, negative.key.get());
  client.shake_hands();
  REQUIRE(client.server.engine.peer_certificate() != nullptr);
  CHECK(client.server.engine.peer_certificate()->serial == "-7f");
}

TEST_CASE("names at the limits pass") {
  const std::string longest(256, 'x');
  const Seen seen = show({.common_names = {longest},
                          .dns = std::vector<std::string>(8, longest),
                          .uris = std::vector<std::string>(8, longest)});
  REQUIRE_MESSAGE(seen.certificate != nullptr, seen.error);
  CHECK(seen.certificate->common_name == longest);
  CHECK(seen.certificate->san_dns.size() == 8);
  CHECK(seen.certificate->san_uri.size() == 8);
  CHECK(seen.certificate->san_uri.back() == longest);
}
