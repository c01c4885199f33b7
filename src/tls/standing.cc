#include "tls/standing.h"

#include <algorithm>
#include <optional>

#include <openssl/ssl.h>

#include "tls/strength.h"
#include "tls/validity.h"

namespace sallyport::tls {
namespace {

using Time = Standing::Time;

constexpr std::string_view kMissing =
    "a CA of the peer's chain has no CRL among those of crl; name its file, or set crl_fail = "
    "\"open\"";

Standing refused(Check check, std::string_view text, int alert) {
  return {.failure = {check, text}, .alert = alert};
}

Standing over() {
  return refused(Check::certificate_expired, "peer's certificate, or one of its chain, has expired",
                 SSL_AD_CERTIFICATE_EXPIRED);
}

/// One certificate of the chain: the client's, or a CA's.
struct Link {
  std::string_view fingerprint;
  std::string_view serial;
  Time not_after;
  const Strength* strength;
};

class Judge final {
 public:
  Judge(const Trust& trust, const Certificate& leaf, Time now)
      : trust_(trust), leaf_(leaf), issuers_(*leaf.issuers), now_(now) {}

  Standing judge() {
    Standing found = find_anchor();
    for (std::size_t i = 0; found.good() && i <= cas_; ++i) found = judge_link(i);
    if (!found.good()) return found;
    return {.until = until_, .excused = excused_};
  }

 private:
  /// Sets `cas_`: as many CAs count, the last of which is the bundle's.
  Standing find_anchor() {
    if (issuers_.empty()) {
      return trust_.has_anchor(leaf_.fingerprint) ? Standing{} : unknown();
    }
    bool ended = false;
    const std::size_t most = std::min<std::size_t>(issuers_.size(), trust_.asked.max_chain + 1);
    for (std::size_t i = 0; i < most; ++i) {
      const Trust::Period* const period = trust_.find(issuers_[i], now_);
      if (period == nullptr) continue;
      ended = ended || now_ >= period->end;
      if (!period->counts(now_)) continue;
      cas_ = i + 1;
      until_ = std::min(until_, period->end);
      return {};
    }
    return ended ? over() : unknown();
  }

  static Standing unknown() {
    return refused(Check::certificate_untrusted,
                   "peer's certificate was not issued by a CA of the configured bundle",
                   SSL_AD_UNKNOWN_CA);
  }

  /// Link 0 is the client's certificate; the last one is the bundle's.
  [[nodiscard]] Link link(std::size_t i) const {
    if (i == 0) return {leaf_.fingerprint, leaf_.serial, leaf_.not_after, &leaf_.strength};
    const Issuer& ca = issuers_[i - 1];
    return {ca.fingerprint, ca.serial, ca.not_after, &ca.strength};
  }
  [[nodiscard]] std::string_view issuer_of(std::size_t i) const {
    if (i < issuers_.size()) return issuers_[i].title;
    return i == 0 ? std::string_view() : issuers_[i - 1].issuer_title;
  }

  Standing judge_link(std::size_t i) {
    const bool is_anchor = i == cas_;
    const Link one = link(i);
    if (trust_.denied.find({one.fingerprint, one.serial, issuer_of(i)}, now_)) {
      return refused(Check::certificate_denied,
                     "a deny list names the peer's certificate, or one of its chain",
                     SSL_AD_CERTIFICATE_REVOKED);
    }
    Leniency ignored;
    if (const Failure weak =
            check_asked(*one.strength, trust_.asked, i == 0, is_anchor && i != 0, ignored);
        !weak.text.empty()) {
      return {.failure = weak, .alert = SSL_AD_INSUFFICIENT_SECURITY};
    }
    // The bundle's own end was looked at: it may be that of a renewed certificate.
    if (!is_anchor || i == 0) {
      if (Standing ended = judge_end(i, one); !ended.good()) return ended;
    }
    return judge_crls(i, one, is_anchor);
  }

  Standing judge_end(std::size_t i, const Link& one) {
    Time end = over_at(one.not_after);
    if (now_ >= end && i == 0) {
      if (const auto until = excused_until(trust_, leaf_, issuer_of(0), now_)) {
        excused_ = true;
        end = *until;
      }
    }
    if (now_ >= end) return over();
    until_ = std::min(until_, end);
    return {};
  }

  /// The bundle's own certificates count because they are there, so they need no list; but one that
  /// revokes them counts.
  Standing judge_crls(std::size_t i, const Link& one, bool is_anchor) {
    if (trust_.crls.empty()) return {};
    const Issuer* const issuer = i < issuers_.size() ? &issuers_[i] : issuer_in_bundle(i);
    bool there = false;
    Time end{};
    for (const auto& crl : trust_.crls) {
      if (issuer == nullptr || !crl->names(*issuer) || !crl->covers(i != 0) ||
          !crl->is_by(*issuer)) {
        continue;
      }
      there = true;
      if (one.serial.empty() || crl->lists(one.serial)) {
        return refused(Check::certificate_revoked,
                       "a CRL of its CA revokes the peer's certificate, or one of its chain",
                       SSL_AD_CERTIFICATE_REVOKED);
      }
      if (crl->begins() <= now_) end = std::max(end, over_at(crl->ends()));
    }
    if (is_anchor || trust_.crl_fail == CrlFail::open) return {};
    if (!there) return refused(Check::crl_missing, kMissing, SSL_AD_BAD_CERTIFICATE);
    if (now_ >= end) {
      return refused(Check::crl_expired,
                     "the CRL of a CA of the peer's chain is over; get a new one, or set crl_fail "
                     "= \"open\"",
                     SSL_AD_BAD_CERTIFICATE);
    }
    until_ = std::min(until_, end);
    return {};
  }

  /// Who issued the last CA of the chain, where the bundle has that one too.
  [[nodiscard]] const Issuer* issuer_in_bundle(std::size_t i) const {
    if (i == 0) return nullptr;
    const auto found = std::ranges::find(trust_.cas, issuers_[i - 1].issuer_name, &Issuer::name);
    return found == trust_.cas.end() ? nullptr : &*found;
  }

  const Trust& trust_;
  const Certificate& leaf_;
  const Issuers& issuers_;
  const Time now_;
  std::size_t cas_ = 0;
  Time until_ = Time::max();
  bool excused_ = false;
};

}  // namespace

Standing judge_standing(const Trust& trust, const Certificate& certificate, Time now) {
  if (certificate.issuers == nullptr) {
    return refused(Check::certificate_untrusted, "peer's certificate was never verified",
                   SSL_AD_BAD_CERTIFICATE);
  }
  return Judge(trust, certificate, now).judge();
}

std::optional<Time> excused_until(const Trust& trust, const Certificate& certificate,
                                  std::string_view issuer, Time now) {
  return trust.exceptions.find({certificate.fingerprint, certificate.serial, issuer}, now);
}

}  // namespace sallyport::tls
