#include "tls/chain.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/stack.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tls/strength.h"
#include "tls/validity.h"

namespace sallyport::tls {
namespace {

// What looking for another way may cost us, whatever a peer sends: signatures that are verified.
constexpr int kMostSignatures = 16;

/// From a leaf to an anchor.
struct Path {
  std::vector<X509*> between;
  X509* anchor = nullptr;
};

/// Looks for a way from a certificate to an anchor on which every signature verifies.
class PathFinder final {
 public:
  /// `good`: every certificate on it must be valid now and strong enough as well.
  PathFinder(const Trust& trust, const STACK_OF(X509) * sent, bool good, bool excused)
      : trust_(trust),
        sent_(sent),
        good_(good),
        excused_(excused),
        used_(sk_X509_num(sent), false) {}

  [[nodiscard]] std::optional<Path> find(X509* leaf) {
    if (!is_good(leaf, true) || !extend(leaf)) return std::nullopt;
    return std::move(path_);
  }

 private:
  bool extend(X509* subject) {
    for (const auto& anchor : trust_.anchors) {
      if (!issued(anchor.get(), subject, true)) continue;
      path_.anchor = anchor.get();
      return true;
    }
    if (path_.between.size() >= trust_.asked.max_chain) return false;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      X509* const issuer = sk_X509_value(sent_, i);
      if (used_[i] || !issued(issuer, subject, false)) continue;
      used_[i] = true;
      path_.between.push_back(issuer);
      if (extend(issuer)) return true;
      path_.between.pop_back();
      used_[i] = false;
    }
    return false;
  }

  bool issued(X509* issuer, X509* subject, bool is_anchor) {
    if (X509_check_issued(issuer, subject) != X509_V_OK || !is_good(issuer, false, is_anchor)) {
      return false;
    }
    if (signatures_-- <= 0) return false;
    const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(issuer));
    return key != nullptr && X509_verify(subject, key.get()) == 1;
  }

  [[nodiscard]] bool is_good(X509* certificate, bool is_leaf, bool is_anchor = false) const {
    Leniency ignored;
    return !good_ ||
           ((is_valid_now(certificate) || (is_leaf && excused_)) &&
            check_strength(certificate, trust_.asked, is_leaf, is_anchor, ignored).text.empty());
  }

  const Trust& trust_;
  const STACK_OF(X509) * sent_;
  const bool good_;
  const bool excused_;
  std::vector<bool> used_;
  Path path_;
  int signatures_ = kMostSignatures;
};

bool is_unknown_issuer(long code) {
  return code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || code == X509_V_ERR_CERT_UNTRUSTED;
}

/// Did the search for an issuer end because the chain is as long as it may be? BoringSSL then says
/// that the issuer is not known, which is what it says of a foreign chain.
bool is_cut(const STACK_OF(X509) * chain, const Trust& trust) {
  return chain != nullptr && sk_X509_num(chain) > trust.asked.max_chain + 1;
}

bool has_no_names(X509* leaf) { return X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0; }

ChainVerdict refused(long code) {
  return {.failure = describe_verify_error(code), .alert = SSL_alert_from_verify_result(code)};
}

/// What BoringSSL does not look at, of a chain that it takes: keys, signatures' digests, length.
ChainVerdict judge(const STACK_OF(X509) * chain, const Trust& trust) {
  ChainVerdict verdict;
  for (std::size_t i = 0; i < sk_X509_num(chain); ++i) {
    X509* const one = sk_X509_value(chain, i);
    const bool is_anchor = trust.is_anchor(one);
    if (const Failure weak = check_strength(one, trust.asked, i == 0, is_anchor, verdict.needs);
        !weak.text.empty()) {
      return {.failure = weak, .alert = SSL_AD_INSUFFICIENT_SECURITY};
    }
    const auto end = not_after(one);
    verdict.end = i == 0 ? end : std::min(verdict.end, end);
    if (i != 0) verdict.way.push_back(bssl::UpRef(one));
    // What stands behind the first anchor is there only because it is in the bundle too.
    if (is_anchor) {
      if (i > trust.asked.max_chain + 1) return refused(X509_V_ERR_CERT_CHAIN_TOO_LONG);
      return verdict;
    }
  }
  return refused(X509_V_ERR_CERT_UNTRUSTED);  // no anchor: BoringSSL has refused that already
}

int excuse_expired_leaf(int good, X509_STORE_CTX* context) {
  return good == 1 || (X509_STORE_CTX_get_error(context) == X509_V_ERR_CERT_HAS_EXPIRED &&
                       X509_STORE_CTX_get_error_depth(context) == 0)
             ? 1
             : 0;
}

/// `anchor`: the only one that counts; null: all.
ChainVerdict check(const Trust& trust, X509* leaf, STACK_OF(X509) * sent, X509* anchor,
                   bool excused) {
  const bssl::UniquePtr<X509_STORE_CTX> verifier(X509_STORE_CTX_new());
  const bssl::UniquePtr<STACK_OF(X509)> one_anchor(sk_X509_new_null());
  if (verifier == nullptr || one_anchor == nullptr ||
      X509_STORE_CTX_init(verifier.get(), trust.store.get(), leaf, sent) != 1 ||
      (anchor != nullptr && !bssl::PushToStack(one_anchor.get(), bssl::UpRef(anchor)))) {
    return refused(X509_V_ERR_OUT_OF_MEM);
  }
  if (excused) X509_STORE_CTX_set_verify_cb(verifier.get(), excuse_expired_leaf);
  if (anchor != nullptr) X509_STORE_CTX_trusted_stack(verifier.get(), one_anchor.get());
  const bool good = X509_verify_cert(verifier.get()) == 1;
  ERR_clear_error();
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(verifier.get());
  if (good && chain != nullptr) return judge(chain, trust);

  long code = X509_STORE_CTX_get_error(verifier.get());
  if (code == X509_V_OK) code = X509_V_ERR_UNSPECIFIED;  // no reason to trust it even so
  if (is_unknown_issuer(code) && is_cut(chain, trust)) code = X509_V_ERR_CERT_CHAIN_TOO_LONG;
  ChainVerdict verdict = refused(code);
  if (code == X509_V_ERR_HOSTNAME_MISMATCH && has_no_names(leaf)) {
    verdict.failure = describe_missing_names();
  } else if (X509* const at = X509_STORE_CTX_get_current_cert(verifier.get());
             code == X509_V_ERR_CERT_SIGNATURE_FAILURE && at != nullptr) {
    // A library without MD5 calls such a signature wrong.
    Leniency ignored;
    const Failure weak = check_strength(at, trust.asked, at == leaf, false, ignored);
    if (!weak.text.empty()) verdict.failure = weak;
  }
  return verdict;
}

bool is_good(const ChainVerdict& verdict) { return verdict.failure.text.empty(); }

}  // namespace

ChainVerdict verify_chain(const Trust& trust, X509* leaf, STACK_OF(X509) * sent, bool excused) {
  ChainVerdict first = check(trust, leaf, sent, nullptr, excused);
  if (is_good(first)) return first;
  // A way that is good; or else one on which all signatures are right, for then what is wrong with
  // it is what has to be said.
  for (const bool good : {true, false}) {
    const std::optional<Path> path = PathFinder(trust, sent, good, excused).find(leaf);
    if (!path) continue;
    const bssl::UniquePtr<STACK_OF(X509)> between(sk_X509_new_null());
    if (between == nullptr) return refused(X509_V_ERR_OUT_OF_MEM);
    for (X509* one : path->between) {
      if (!bssl::PushToStack(between.get(), bssl::UpRef(one))) {
        return refused(X509_V_ERR_OUT_OF_MEM);
      }
    }
    ERR_clear_error();
    return check(trust, leaf, between.get(), path->anchor, excused);
  }
  ERR_clear_error();
  return first;
}

}  // namespace sallyport::tls
