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

TEST_CASE("a name that two readers would read differently costs the name, not the connection") {
  const std::string too_long(257, 'x');
  struct Case {
    std::string what;
    Request request;
    std::string left_out;  // why
  };
  const char* const kBadName = "cn: holds a NUL or control character, or is not UTF-8";
  const char* const kBadSan =
      "san: a name holds a NUL, a control character or one that is not ASCII";
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
       "cn: the subject has more than one common name"},
      {"a long common name", {.common_names = {too_long}}, "cn: longer than max_name"},
      {"NUL in a DNS name", {.dns = {"admin\0.evil.test"s}}, kBadSan},
      {"newline in a URI", {.uris = {"urn:a\nb"}}, kBadSan},
      {"a long URI", {.uris = {"urn:" + too_long}}, "san: a name is longer than max_name"},
      {"too many names",
       {.dns = std::vector<std::string>(17, "n.test")},
       "san: more names than max_names"},
      {"too many names of both kinds",
       {.dns = std::vector<std::string>(9, "n.test"), .uris = std::vector<std::string>(8, "urn:n")},
       "san: more names than max_names"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const Seen seen = show(one.request);
    REQUIRE_MESSAGE(seen.certificate != nullptr, seen.error);
    CHECK(seen.certificate->common_name == "");
    CHECK(seen.certificate->san_dns.empty());
    CHECK(seen.certificate->san_uri.empty());
    CHECK(seen.certificate->fingerprint.size() == 64);
    CHECK(seen.certificate->left_out == std::vector<std::string_view>{one.left_out});
  }
}

TEST_CASE("an odd name costs no other one") {
  const Seen seen = show(
      {.common_names = {"sensor-7"}, .dns = {"good.test", "bad\0.test"s}, .uris = {"urn:good"}});
  REQUIRE(seen.certificate != nullptr);
  CHECK(seen.certificate->common_name == "sensor-7");
  CHECK(seen.certificate->san_dns == std::vector<std::string>{"good.test"});
  CHECK(seen.certificate->san_uri == std::vector<std::string>{"urn:good"});
  CHECK(seen.certificate->left_out.size() == 1);
}

TEST_CASE("how many names there may be, and how long, is an option") {
  ServerOptions options = pki().server(ClientCertificate::required);
  options.max_names = 2;
  options.max_name = 64;
  const Context::Ptr server = load(options);
  const auto certificate = [&server](const Request& request) {
    Pair pair(server, load(pki().device(request)));
    pair.shake_hands();
    REQUIRE(pair.open());
    return pair.server.engine.peer_certificate();
  };
  const std::string longest(64, 'x');
  CHECK(certificate({.common_names = {longest}, .dns = {longest, "b"}})->left_out.empty());
  CHECK(certificate({.common_names = {longest + "x"}})->left_out.size() == 1);
  CHECK(certificate({.dns = {"a", "b", "c"}})->san_dns.empty());
}

TEST_CASE("a SPIFFE identifier gives its trust domain and the last segment of its path") {
  struct Case {
    std::vector<std::string> uris;
    std::string domain;
    std::string name;
    std::string left_out;
  };
  const std::string malformed = "spiffe: the identifier is malformed";
  const Case cases[] = {
      {{"spiffe://plant.example/line-7/pump_3"}, "plant.example", "pump_3", ""},
      {{"spiffe://plant.example/Pump"}, "plant.example", "Pump", ""},
      {{"spiffe://plant.example"}, "plant.example", "", ""},
      {{"urn:plant:pump"}, "", "", ""},
      {{"https://plant.example/pump"}, "", "", ""},
      {{"spiffe://plant.example/a", "urn:x"}, "", "", "spiffe: there are several URIs"},
      {{"spiffe://a.example/a", "spiffe://b.example/a"}, "", "", "spiffe: there are several URIs"},
      {{"spiffe://plant.example/"}, "", "", malformed},
      {{"spiffe://plant.example/a/"}, "", "", malformed},
      {{"spiffe://plant.example//a"}, "", "", malformed},
      {{"spiffe://plant.example/a/../b"}, "", "", malformed},
      {{"spiffe://plant.example/a?b"}, "", "", malformed},
      {{"spiffe://plant.example/a#b"}, "", "", malformed},
      {{"spiffe://plant.example/a%2fb"}, "", "", malformed},
      {{"spiffe://plant.example:1/a"}, "", "", malformed},
      {{"spiffe://u@plant.example/a"}, "", "", malformed},
      {{"spiffe://Plant.example/a"}, "", "", malformed},
      {{"SPIFFE://plant.example/a"}, "", "", malformed},
      {{"spiffe:///a"}, "", "", malformed},
  };
  for (const Case& one : cases) {
    CAPTURE(one.uris.front());
    const Seen seen = show({.common_names = {"x"}, .uris = one.uris});
    REQUIRE(seen.certificate != nullptr);
    CHECK(seen.certificate->spiffe_domain == one.domain);
    CHECK(seen.certificate->spiffe_name == one.name);
    CHECK(seen.certificate->san_uri == one.uris);
    CHECK((seen.certificate->left_out.empty() ? "" : seen.certificate->left_out[0]) ==
          one.left_out);
  }
}

TEST_CASE("names that no library writes are no names, whatever becomes of the handshake") {
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
    // BoringSSL parses no such subject, so there is nothing to verify.
    CHECK(client.server.engine.state() == Engine::State::failed);
    CHECK(client.server.engine.peer_certificate() == nullptr);
    CHECK(client.server.engine.failure().text.starts_with("peer's certificate is not valid X.509"));
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
