#pragma once

#include <chrono>

#include "sallyport/identity.h"

#include "tls/errors.h"
#include "tls/options.h"
#include "tls/trust.h"

namespace sallyport::tls {

/// Whether a client's certificate counts at a time.
struct Standing {
  using Time = std::chrono::system_clock::time_point;

  Failure failure = {};  // empty text: it counts
  int alert = 0;         // for a client in its handshake, where it does not
  /// Where it counts: from when on that has to be asked again, should nothing be reloaded before.
  Time until = Time::max();
  /// It has expired, and counts because an exception list names it.
  bool excused = false;

  [[nodiscard]] bool good() const { return failure.text.empty(); }
};

/// Judges a certificate whose chain was verified, by whatever is known of that chain: is one of its
/// CAs still in the bundle, are all of it strong enough and not over, is none of it on a deny list,
/// or revoked by a list of its CA (CRL)? `certificate` is one that a Context has filled in.
///
/// Deny lists count for every certificate of the chain. Where there are CRLs, each certificate
/// below the bundle's needs one of its CA that counts at `now`, or else crl_fail decides; what a
/// list names is revoked, though the list itself may be over.
///
/// It takes the same decision at the handshake, in a sweep over live sessions, and when `until` has
/// come. It verifies no signature of a certificate, so it costs a few lookups. Thread: any.
[[nodiscard]] Standing judge_standing(const Trust& trust, const Certificate& certificate,
                                      Standing::Time now);

/// Returns until when an exception list says that an expired certificate counts. None: it does not.
[[nodiscard]] std::optional<Standing::Time> excused_until(const Trust& trust,
                                                          const Certificate& certificate,
                                                          std::string_view issuer,
                                                          Standing::Time now);

}  // namespace sallyport::tls
