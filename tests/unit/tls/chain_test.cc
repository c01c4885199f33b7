// What is asked of a chain of certificates, and how the issuer is found where several have its
// name.
#include "tls/chain.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <openssl/digest.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/stack.h>
#include <openssl/x509v3.h>

#include "pki.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;

namespace {

using Certificates = std::vector<const Issued*>;

LoadedCertificate loaded(const Issued& issued) {
  const std::string der = issued.der();
  LoadedCertificate one;
  one.der.reset(
      CRYPTO_BUFFER_new(reinterpret_cast<const std::uint8_t*>(der.data()), der.size(), nullptr));
  one.parsed.reset(X509_parse_from_buffer(one.der.get()));
  return one;
}

/// What becomes of a chain whose leaf is first, where `bundle` is trusted.
ChainVerdict verdict(const Certificates& bundle, const Certificates& shown,
                     const PeerOptions& asked = {}) {
  Trust trust;
  trust.asked = asked;
  std::vector<LoadedCertificate> cas;
  for (const Issued* one : bundle) cas.push_back(loaded(*one));
  std::vector<TlsError> errors;
  add_anchors(trust, "bundle", cas, X509_PURPOSE_SSL_CLIENT, X509_TRUST_SSL_CLIENT, errors);
  REQUIRE(errors.empty());
  const LoadedCertificate leaf = loaded(*shown[0]);
  const bssl::UniquePtr<STACK_OF(X509)> sent(sk_X509_new_null());
  for (const Issued* one : std::span(shown).subspan(1)) {
    REQUIRE(bssl::PushToStack(sent.get(), loaded(*one).parsed));
  }
  return verify_chain(trust, leaf.parsed.get(), sent.get());
}

/// "good", or the name of the check that refuses.
std::string outcome(const ChainVerdict& of) {
  if (of.failure.text.empty()) {
    CHECK(of.end.time_since_epoch().count() != 0);
    return "good";
  }
  CHECK(of.alert != 0);
  return std::string(to_string(of.failure.check));
}

Request device(std::string name = "sensor-7") {
  return {.common_names = {std::move(name)}, .usage = "clientAuth"};
}
Request authority(std::string name = "Plant CA") {
  return {.common_names = {std::move(name)}, .is_ca = true};
}
Request with(Request request, KeyType key) {
  request.key = key;
  return request;
}
Request signed_with(Request request, const EVP_MD* digest) {
  request.digest = digest;
  return request;
}
Request ended(Request request) {
  request.valid_from = -7200;
  request.valid_to = -3600;
  return request;
}

const std::string kWeakKey = "tls.certificate-weak-key";
const std::string kWeakSignature = "tls.certificate-weak-signature";

}  // namespace

TEST_CASE("weak keys are refused at every depth, the anchor's included") {
  const PeerOptions lenient{.min_key = 1024};
  for (const KeyType weak : {KeyType::rsa1024, KeyType::p224}) {
    for (int depth = 0; depth < 3; ++depth) {
      CAPTURE(depth);
      CAPTURE(static_cast<int>(weak));
      const auto at = [&](int where) { return where == depth ? weak : KeyType::p256; };
      const Issued root = issue(with(authority(), at(2)), nullptr);
      const Issued middle = issue(with(authority("Line CA"), at(1)), &root);
      const Issued leaf = issue(with(device(), at(0)), &middle);
      CHECK(outcome(verdict({&root}, {&leaf, &middle})) == kWeakKey);
      const ChainVerdict let_in = verdict({&root}, {&leaf, &middle}, lenient);
      CHECK(outcome(let_in) == "good");
      CHECK(let_in.needs == Leniency{.key = true, .sha1 = false});
      // Who is trusted by name is the last one that counts.
      if (depth == 2) CHECK(outcome(verdict({&root, &middle}, {&leaf})) == "good");
    }
  }
}

TEST_CASE("strong keys are let in, and min_key may ask for more of RSA") {
  for (const KeyType strong : {KeyType::rsa2048, KeyType::p256, KeyType::ed25519}) {
    CAPTURE(static_cast<int>(strong));
    const Issued root = issue(with(authority(), strong), nullptr);
    const Issued leaf = issue(with(device(), strong), &root);
    const ChainVerdict usual = verdict({&root}, {&leaf});
    CHECK(outcome(usual) == "good");
    CHECK_FALSE(usual.needs.any());
    CHECK(outcome(verdict({&root}, {&leaf}, {.min_key = 3072})) ==
          (strong == KeyType::rsa2048 ? kWeakKey : "good"));
  }
}

TEST_CASE("SHA-1 and MD5 are refused at every depth but the anchor's own signature") {
  const PeerOptions lenient{.allow_sha1 = true};
  for (const EVP_MD* weak : {EVP_sha1(), EVP_md5()}) {
    const bool is_sha1 = weak == EVP_sha1();
    CAPTURE(is_sha1);
    for (int depth = 0; depth < 3; ++depth) {
      CAPTURE(depth);
      const auto at = [&](int where) { return where == depth ? weak : nullptr; };
      const Issued root = issue(signed_with(with(authority(), KeyType::rsa2048), at(2)), nullptr);
      const Issued middle =
          issue(signed_with(with(authority("Line CA"), KeyType::rsa2048), at(1)), &root);
      const Issued leaf = issue(signed_with(device(), at(0)), &middle);
      CHECK(outcome(verdict({&root}, {&leaf, &middle})) == (depth == 2 ? "good" : kWeakSignature));
      // In the bundle, and so an anchor itself.
      CHECK(outcome(verdict({&root, &middle}, {&leaf})) == (depth == 0 ? kWeakSignature : "good"));
      const ChainVerdict let_in = verdict({&root}, {&leaf, &middle}, lenient);
      CHECK(outcome(let_in) == (is_sha1 || depth == 2 ? "good" : kWeakSignature));
      if (is_sha1) CHECK(let_in.needs == Leniency{.key = false, .sha1 = depth != 2});
    }
  }
}

TEST_CASE("max_chain counts the CAs between the leaf and the bundle, exactly") {
  std::vector<Issued> chain;
  chain.push_back(issue(authority("CA 0"), nullptr));
  for (int i = 1; i <= 4; ++i) {
    chain.push_back(issue(authority("CA " + std::to_string(i)), &chain.back()));
  }
  const Issued leaf = issue(device(), &chain.back());
  const Certificates shown = {&leaf, &chain[4], &chain[3], &chain[2], &chain[1]};
  for (std::uint32_t most = 0; most <= 6; ++most) {
    CAPTURE(most);
    CHECK(outcome(verdict({&chain[0]}, shown, {.max_chain = most})) ==
          (most >= 4 ? "good" : "tls.certificate-chain"));
    CHECK(outcome(verdict({&chain[4]}, {&leaf}, {.max_chain = most})) == "good");
    // More than is needed may be shown, and stand in the bundle.
    CHECK(outcome(verdict({&chain[4], &chain[0]}, shown, {.max_chain = most})) == "good");
  }
}

TEST_CASE("a CA that was renewed may stand in the bundle twice, in any order") {
  struct Case {
    const char* what;
    bool same_key;
    bool old_has_ended;
  };
  for (const Case& one :
       {Case{"same key, before the end", true, false}, Case{"same key, after the end", true, true},
        Case{"another key, before the end", false, false},
        Case{"another key, after the end", false, true}}) {
    CAPTURE(one.what);
    Request first = authority();
    if (one.old_has_ended) first = ended(first);
    const Issued old = issue(first, nullptr);
    Request next = authority();
    next.serial = 2;
    if (one.same_key) next.with_key = old.key.get();
    const Issued renewed = issue(next, nullptr);
    const Issued by_old = issue(device(), &old);
    const Issued by_renewed = issue(device(), &renewed);
    for (const Certificates& bundle :
         {Certificates{&old, &renewed}, Certificates{&renewed, &old}}) {
      CHECK(outcome(verdict(bundle, {&by_renewed})) == "good");
      CHECK(outcome(verdict(bundle, {&by_old})) ==
            (one.same_key || !one.old_has_ended ? "good" : "tls.certificate-expired"));
    }
    CHECK(outcome(verdict({&renewed}, {&by_renewed})) == "good");
    CHECK(outcome(verdict({&old}, {&by_old})) ==
          (one.old_has_ended ? "tls.certificate-expired" : "good"));
  }
}

TEST_CASE("of several certificates that a peer sends for one CA, what is valid now counts") {
  const Issued root = issue(authority("Root"), nullptr);
  const Issued other_root = issue(authority("Other root"), nullptr);
  const Issued old_root = issue(ended(authority("Old root")), nullptr);
  const Issued middle = issue(authority("Line CA"), &root);
  const auto again = [&middle](Request request, const Issued& by) {
    request.with_key = middle.key.get();
    return issue(request, &by);
  };
  const Issued leaf = issue(device(), &middle);
  const Issued expired = again(ended(authority("Line CA")), root);
  const Issued by_old_root = again(authority("Line CA"), old_root);
  const Issued by_stranger = again(authority("Line CA"), other_root);
  const Issued another_key = issue(authority("Line CA"), &root);
  const Issued weak = again(signed_with(authority("Line CA"), EVP_sha1()), root);
  for (const Issued* odd : {&expired, &by_old_root, &by_stranger, &another_key, &weak}) {
    CHECK(outcome(verdict({&root, &old_root}, {&leaf, odd, &middle})) == "good");
    CHECK(outcome(verdict({&root, &old_root}, {&leaf, &middle, odd})) == "good");
    CHECK(outcome(verdict({&root, &old_root}, {&leaf, odd})) != "good");
  }
  CHECK(outcome(verdict({&root}, {&leaf, &expired})) == "tls.certificate-expired");
  CHECK(outcome(verdict({&root}, {&leaf, &by_stranger})) == "tls.certificate-untrusted");
  CHECK(outcome(verdict({&root}, {&leaf, &weak})) == kWeakSignature);
}

TEST_CASE("CAs that sign each other in a circle, and many of one name, come to an end") {
  const Issued root = issue(authority("Root"), nullptr);
  std::vector<Issued> same;
  for (std::uint64_t i = 0; i < 40; ++i) {
    Request request = authority("Line CA");
    request.serial = i + 1;
    same.push_back(issue(request, i == 0 ? nullptr : &same.back()));
  }
  const Issued leaf = issue(device(), &same.back());
  Certificates shown = {&leaf};
  for (const Issued& one : same) shown.push_back(&one);
  CHECK(outcome(verdict({&root}, shown, {.max_chain = 32})) != "good");
}

TEST_CASE("the end of a chain is that of what ends first in it, up to the anchor") {
  Request soon = authority("Line CA");
  soon.valid_to = 600;
  Request late = authority();
  late.valid_to = 300;
  const Issued root = issue(late, nullptr);
  const Issued middle = issue(soon, &root);
  const Issued leaf = issue(device(), &middle);
  const auto end = [](const ChainVerdict& of) {
    const auto left = of.end - std::chrono::system_clock::now();
    return std::chrono::duration_cast<std::chrono::minutes>(left + std::chrono::seconds(60))
        .count();
  };
  CHECK(end(verdict({&root}, {&leaf, &middle})) == 5);
  CHECK(end(verdict({&root, &middle}, {&leaf})) == 10);
}

TEST_CASE("a bundle tells of its CAs: when they end, which are renewed, which are too weak") {
  const Issued old = issue(ended(authority()), nullptr);
  Request next = authority();
  next.with_key = old.key.get();
  const Issued renewed = issue(next, nullptr);
  const Issued other_key = issue(authority(), nullptr);
  const Issued small = issue(with(authority("Small CA"), KeyType::rsa1024), nullptr);
  Trust trust;
  std::vector<LoadedCertificate> cas;
  for (const Issued* one : {&old, &renewed, &other_key, &small, &old}) cas.push_back(loaded(*one));
  std::vector<TlsError> errors;
  add_anchors(trust, "bundle", cas, X509_PURPOSE_SSL_CLIENT, X509_TRUST_SSL_CLIENT, errors);
  REQUIRE(errors.empty());
  REQUIRE(trust.authorities.size() == 5);
  CHECK(trust.authorities[0].name == "CN=Plant CA");
  CHECK(trust.authorities[0].fingerprint.size() == 64);
  CHECK(trust.authorities[0].is_renewed);
  CHECK_FALSE(trust.authorities[1].is_renewed);
  CHECK_FALSE(trust.authorities[2].is_renewed);
  CHECK(trust.authorities[3].is_too_weak);
  CHECK_FALSE(trust.authorities[0].is_too_weak);
  CHECK(trust.authorities[0].not_after < std::chrono::system_clock::now());
  CHECK(trust.authorities[1].not_after > std::chrono::system_clock::now());
}

TEST_CASE("a fingerprint is 64 digits, or pairs with colons, of either case") {
  const std::string digits(62, '0');
  const auto parsed = parse_fingerprint(digits + "fA");
  REQUIRE(parsed.has_value());
  CHECK(parsed->back() == 0xfa);
  CHECK(to_hex(*parsed) == digits + "fa");
  std::string pairs;
  for (int i = 0; i < 31; ++i) pairs += "AB:";
  REQUIRE(parse_fingerprint(pairs + "ab").has_value());
  CHECK(parse_fingerprint(pairs + "ab")->front() == 0xab);
  std::string mixed = pairs + "ab";
  mixed[2] = '-';
  for (const std::string& wrong : {digits, digits + "f", digits + "fg", digits + "+1", pairs, mixed,
                                   std::string(), pairs + "abc", digits + "0011"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_fingerprint(wrong).has_value());
  }
}
