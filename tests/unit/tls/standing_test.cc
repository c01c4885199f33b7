// Whether a certificate that was verified still counts: the same question at the handshake and for
// a live session, with the time passed in.

#include "tls/standing.h"

#include <chrono>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "pair.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

std::chrono::system_clock::time_point now() { return std::chrono::system_clock::now(); }

/// What the server keeps of a client that shook hands under `options`.
std::shared_ptr<const Certificate> shown(const ServerOptions& options,
                                         const ClientOptions& device) {
  Pair pair(load(options), load(device));
  pair.shake_hands();
  REQUIRE(pair.open());
  return pair.server.engine.peer_certificate();
}

ServerOptions required() { return pki().server(ClientCertificate::required); }

Check refused(const Standing& standing) {
  REQUIRE_FALSE(standing.good());
  return standing.failure.check;
}

}  // namespace

TEST_CASE("standing: a certificate counts under the context that it was verified by, to its end") {
  const auto one = shown(required(), pki().device());
  const Context::Ptr same = load(required());
  const Standing standing = same->judge(one.get(), now());
  CHECK(standing.good());
  CHECK(standing.until == one->not_after + seconds(1));
  CHECK(same->judge(one.get(), standing.until - seconds(1)).good());
  CHECK(refused(same->judge(one.get(), standing.until)) == Check::certificate_expired);
}

TEST_CASE("standing: under another bundle it does not count") {
  const auto one = shown(required(), pki().device());
  ServerOptions other = required();
  other.client_ca = pki().other_ca_file;
  CHECK(refused(load(other)->judge(one.get(), now())) == Check::certificate_untrusted);
  CHECK(refused(load(pki().server(ClientCertificate::none))->judge(one.get(), now())) ==
        Check::certificate_untrusted);
  CHECK(refused(load(required())->judge(nullptr, now())) == Check::certificate_missing);
  CHECK(load(pki().server(ClientCertificate::optional))->judge(nullptr, now()).good());
}

TEST_CASE("standing: a CA that was renewed is the same one, and its new end counts") {
  const Folder folder;
  const Issued old_ca = issue({.common_names = {"CA"}, .is_ca = true, .valid_to = 1800}, nullptr);
  const Issued new_ca = issue({.common_names = {"CA"},
                               .is_ca = true,
                               .valid_to = 7200,
                               .serial = 2,
                               .with_key = old_ca.key.get()},
                              nullptr);
  const Issued device =
      issue({.common_names = {"d"}, .usage = "clientAuth", .valid_to = 3600}, &old_ca);
  ClientOptions client = pki().client();
  client.certificate = folder.write("d.crt", device.pem());
  client.key = folder.write("d.key", device.key_pem());
  ServerOptions options = required();
  options.client_ca = folder.write("old.crt", old_ca.pem());
  const auto one = shown(options, client);
  CHECK(load(options)->judge(one.get(), now()).until < now() + seconds(1802));
  options.client_ca = folder.write("new.crt", new_ca.pem());
  const Standing standing = load(options)->judge(one.get(), now());
  CHECK(standing.good());
  CHECK(standing.until == one->not_after + seconds(1));
}

TEST_CASE("standing: lists decide, and a list's own end counts") {
  const Folder folder;
  const auto one = shown(required(), pki().device());
  ServerOptions options = required();
  options.deny_lists = {folder.write("deny", "fingerprint " + one->fingerprint + "\n")};
  CHECK(refused(load(options)->judge(one.get(), now())) == Check::certificate_denied);
  options.deny_lists = {
      folder.write("past", "fingerprint " + one->fingerprint + " until 2020-01-01")};
  CHECK(load(options)->judge(one.get(), now()).good());
  // A CA of the chain may be named, too.
  options.deny_lists = {folder.write("ca", "fingerprint " + one->issuers->front().fingerprint)};
  CHECK(refused(load(options)->judge(one.get(), now())) == Check::certificate_denied);

  options = required();
  options.exception_lists = {
      folder.write("late", "serial " + one->serial + " issuer \"CN=Devices CA\" until 2200-01-01")};
  const Standing late = load(options)->judge(one.get(), one->not_after + seconds(60));
  // The CA ends with it.
  CHECK(refused(late) == Check::certificate_expired);
}

TEST_CASE("standing: what is too weak now does not count") {
  ServerOptions options = required();
  const auto one =
      shown(options,
            pki().device({.common_names = {"d"}, .usage = "clientAuth", .key = KeyType::rsa2048}));
  CHECK(load(options)->judge(one.get(), now()).good());
  options.min_key = 3072;
  CHECK(refused(load(options)->judge(one.get(), now())) == Check::certificate_weak_key);
}

TEST_CASE("standing: clients of one CA share what is kept of it") {
  const Context::Ptr context = load(required());
  std::shared_ptr<const Certificate> seen[2];
  for (auto& one : seen) {
    Pair pair(context, load(pki().device()));
    pair.shake_hands();
    REQUIRE(pair.open());
    one = pair.server.engine.peer_certificate();
  }
  CHECK(seen[0] != seen[1]);
  CHECK(seen[0]->issuers == seen[1]->issuers);
}
