#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <openssl/x509.h>

#include "sallyport/identity.h"

#include "tls/errors.h"
#include "tls/trust.h"

/// From the certificates that a peer showed to whether it is trusted.
namespace sallyport::tls {

struct ChainVerdict {
  Failure failure = {};                         // empty text: the chain is good
  int alert = 0;                                // for the peer, where it is not
  Leniency needs = {};                          // where it is
  std::vector<bssl::UniquePtr<X509>> way = {};  // where it is: from the leaf's CA to the bundle's
  /// The end of what ends first in it; epoch where it is not good.
  std::chrono::system_clock::time_point end = {};
};

/// Verifies `leaf` by `trust`, which has a store. `sent`: what the peer showed behind it, in any
/// order; nothing of it is trusted. Purpose and name are those of the store.
///
/// The issuer of a certificate is found by its name, and where several certificates bear that name
/// (a CA was renewed, or signed by another one as well) by what is valid now, strong enough and has
/// the key. The order of a bundle decides nothing. BoringSSL takes the first one by name, so where
/// its way fails another one is looked for here, and judged by BoringSSL as any.
///
/// `excused`: that the leaf has expired is not held against it.
[[nodiscard]] ChainVerdict verify_chain(const Trust& trust, X509* leaf, STACK_OF(X509) * sent,
                                        bool excused = false);

}  // namespace sallyport::tls
