#include "tls/trust.h"

#include <algorithm>
#include <string_view>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "tls/errors.h"
#include "tls/strength.h"
#include "tls/validity.h"

namespace sallyport::tls {
namespace {

const X509* address_of(const bssl::UniquePtr<X509>& certificate) { return certificate.get(); }

bool same_key(X509* one, X509* other) {
  const bssl::UniquePtr<EVP_PKEY> a(X509_get_pubkey(one));
  const bssl::UniquePtr<EVP_PKEY> b(X509_get_pubkey(other));
  ERR_clear_error();
  return a != nullptr && b != nullptr && EVP_PKEY_cmp(a.get(), b.get()) == 1;
}

Authority describe(const LoadedCertificate& ca, const PeerOptions& asked) {
  Authority authority;
  authority.name = title_of(X509_get_subject_name(ca.parsed.get()));
  authority.fingerprint = to_hex(fingerprint_of(ca.der.get()));
  authority.not_after = not_after(ca.parsed.get());
  Leniency ignored;
  authority.is_too_weak =
      !check_strength(ca.parsed.get(), asked, false, true, ignored).text.empty();
  return authority;
}

void list_authorities(Trust& trust, const std::vector<LoadedCertificate>& cas) {
  for (const LoadedCertificate& ca : cas) {
    trust.authorities.push_back(describe(ca, trust.asked));
    trust.cas.push_back(read_issuer(ca.parsed.get()));
    trust.periods.push_back({trust.cas.back().same_as, not_before(ca.parsed.get()),
                             over_at(not_after(ca.parsed.get()))});
  }
  for (std::size_t i = 0; i < cas.size(); ++i) {
    Authority& old = trust.authorities[i];
    for (std::size_t j = 0; j < cas.size() && !old.is_renewed; ++j) {
      const Authority& other = trust.authorities[j];
      old.is_renewed = other.name == old.name && other.not_after > old.not_after &&
                       same_key(cas[i].parsed.get(), cas[j].parsed.get());
    }
  }
}

}  // namespace

bool Trust::is_anchor(const X509* certificate) const {
  return std::ranges::binary_search(anchors, certificate, std::ranges::less(), address_of);
}

bool Trust::has_anchor(std::string_view fingerprint) const {
  return std::ranges::find(authorities, fingerprint, &Authority::fingerprint) != authorities.end();
}

const Trust::Period* Trust::find(const Issuer& ca, Time now) const {
  const Period* best = nullptr;
  for (const Period& one : periods) {
    if (one.same_as != ca.same_as) continue;
    const bool better = one.counts(now) && (!best || !best->counts(now) || one.end > best->end);
    if (best == nullptr || better) best = &one;
  }
  return best;
}

void add_anchors(Trust& trust, const std::string& file, const std::vector<LoadedCertificate>& cas,
                 int purpose, int trusted_for, std::vector<TlsError>& errors) {
  trust.store.reset(X509_STORE_new());
  X509_STORE* store = trust.store.get();
  X509_VERIFY_PARAM* param = store == nullptr ? nullptr : X509_STORE_get0_param(store);
  // What is in the bundle is trusted because it is in the bundle (partial chain), and looked for
  // there before what the peer sent (trusted first).
  if (param == nullptr || X509_VERIFY_PARAM_set_purpose(param, purpose) != 1 ||
      X509_VERIFY_PARAM_set_trust(param, trusted_for) != 1 ||
      X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST) !=
          1) {
    errors.push_back({"", "BoringSSL could not be set up: out of memory"});
    return;
  }
  // The library counts the anchor too, or not, by its version: verify_chain() counts once more.
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(trust.asked.max_chain) + 1);
  for (const LoadedCertificate& one : cas) {
    if (X509_STORE_add_cert(store, one.parsed.get()) != 1) {
      errors.push_back({file, "holds a certificate that cannot be used as a CA: " +
                                  std::string(describe_error(ERR_get_error()).text)});
      break;
    }
    trust.anchors.push_back(bssl::UpRef(one.parsed.get()));
  }
  std::ranges::sort(trust.anchors, std::ranges::less(), address_of);
  ERR_clear_error();
  list_authorities(trust, cas);
}

Fingerprint fingerprint_of(const CRYPTO_BUFFER* der) {
  Fingerprint digest{};
  SHA256(CRYPTO_BUFFER_data(der), CRYPTO_BUFFER_len(der), digest.data());
  return digest;
}

}  // namespace sallyport::tls
