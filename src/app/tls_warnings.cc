#include "app/tls_warnings.h"

#include "observe/ending.h"

namespace sallyport::app {

namespace {

using Time = std::chrono::system_clock::time_point;
// Lists are renewed in days rather than in months.
constexpr auto kCrlEndsSoon = std::chrono::hours(24);

using Lines = std::vector<std::string>;

/// "min_client_key = 1024 in tls lets RSA keys below 2048 bits ..."
void warn_leniency(const std::string& what, const std::string& key, const tls::PeerOptions& asked,
                   Lines& lines) {
  if (asked.min_key < tls::kStrongRsaBits) {
    lines.push_back(what + ": " + key + " = " + std::to_string(asked.min_key) +
                    " lets in RSA keys of so few bits, and the curve P-224; whoever finds such a "
                    "key is taken for its owner");
  }
  if (asked.allow_sha1) {
    lines.push_back(what +
                    ": allow_sha1 = true lets in certificates that are signed with SHA-1, which "
                    "can be forged");
  }
}

void warn_own(const std::string& what, const tls::Context& context, Time now, Lines& lines) {
  if (context.not_after().time_since_epoch().count() == 0) return;
  const auto left = context.not_after() - now;
  if (left <= left.zero()) {
    lines.push_back(what + ": the certificate has expired; peers will refuse it");
  } else if (left < observe::kEndsSoon) {
    lines.push_back(what + ": the certificate " + observe::ends_in(left));
  }
}

void warn_authorities(const std::string& what, const std::string& key, const tls::Context& context,
                      Time now, Lines& lines) {
  for (const tls::Authority& ca : context.authorities()) {
    if (ca.is_too_weak) {
      lines.push_back(what + ": the key of CA \"" + ca.name + "\" is weaker than " + key +
                      " allows; what it issued is refused");
    }
    const auto left = ca.not_after - now;
    if (ca.is_renewed || left >= observe::kEndsSoon) continue;
    lines.push_back(what + ": CA \"" + ca.name + "\" " + observe::ends_in(left) +
                    "; what it issued is refused from then on, unless a renewed one with the same "
                    "key stands beside it");
  }
}

void warn_crls(const std::string& what, const tls::Context::Ptr& context, bool closed, Time now,
               Lines& lines) {
  if (context == nullptr) return;
  for (const tls::CrlInfo& crl : context->crls()) {
    const std::string of = what + ": the CRL of \"" + crl.ca + "\" ";
    if (!crl.is_in_bundle) {
      lines.push_back(
          of + "is of no CA of client_ca; it counts for a CA of that name that clients send");
    }
    const auto left = crl.next_update - now;
    const std::string then = closed ? "clients of that CA are refused from then on, and those "
                                      "that are connected are ended"
                                    : "who is revoked later is let in (crl_fail = \"open\")";
    if (left <= left.zero()) {
      lines.push_back(of + "is over; " + then);
    } else if (left < kCrlEndsSoon) {
      lines.push_back(of + observe::ends_in(left) + "; " + then);
    }
  }
}

void warn_side(const std::string& what, const std::string& key, const tls::PeerOptions& asked,
               const tls::Context::Ptr& context, Time now, Lines& lines) {
  warn_leniency(what, key, asked, lines);
  if (context == nullptr) return;
  warn_own(what, *context, now, lines);
  warn_authorities(what, key, *context, now, lines);
}

}  // namespace

Lines tls_warnings(const Assembled& assembled, Time now) {
  Lines lines;
  const config::GatewayOptions& options = assembled.options;
  for (std::size_t i = 0; i < options.listeners.size(); ++i) {
    const config::ListenerOptions& listener = options.listeners[i];
    if (!listener.tls) continue;
    warn_side("listener \"" + listener.name + "\"", "min_client_key", *listener.tls,
              assembled.listener_tls[i], now, lines);
    warn_crls("listener \"" + listener.name + "\"", assembled.listener_tls[i],
              listener.tls->crl_fail == tls::CrlFail::closed, now, lines);
  }
  if (const auto& tls = options.broker.tls) {
    warn_side("broker", "min_broker_key", *tls, assembled.broker_tls, now, lines);
    if (tls->verify == tls::Verify::chain) {
      lines.push_back(
          "broker: verify = \"chain\" takes every certificate of these CAs for the broker's, "
          "whatever name is in it");
    }
  }
  return lines;
}

}  // namespace sallyport::app
