#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/address.h"

namespace sallyport {

/// What a listener is lenient about: a chain of certificates that is weaker than the default asks
/// for.
struct Leniency {
  bool key = false;   // a key below the default, which min_client_key lets in
  bool sha1 = false;  // a signature with SHA-1, which allow_sha1 lets in

  [[nodiscard]] bool any() const { return key || sha1; }
  [[nodiscard]] friend bool operator==(const Leniency&, const Leniency&) = default;
};

/// How strong a certificate is, as far as an operator chooses what is strong enough.
struct Strength {
  std::uint32_t rsa_bits = 0;  // 0: its key is no RSA key
  bool weak_curve = false;     // its key is of a curve below P-256
  bool sha1 = false;           // it is signed with SHA-1

  [[nodiscard]] friend bool operator==(const Strength&, const Strength&) = default;
};

/// A CA that a client certificate was verified by, as far as it is needed to judge that certificate
/// again when lists, CAs or the time have changed.
struct Issuer {
  /// SHA-256 over name, key and what it may issue: equal for a CA whose certificate was renewed.
  std::array<std::uint8_t, 32> same_as{};
  std::string name;         // its subject, DER
  std::string key;          // SubjectPublicKeyInfo, DER
  std::string title;        // its subject as RFC 2253 writes it
  std::string serial;       // of its own certificate, as Certificate::serial
  std::string fingerprint;  // as Certificate::fingerprint
  std::string issuer_name;  // who issued its own certificate; DER
  std::string issuer_title;
  std::chrono::system_clock::time_point not_after{};
  Strength strength;
  bool signs_crls = true;  // its keyUsage lets it
};

/// From the CA that issued a certificate to the one of the bundle. Clients of one CA share them.
using Issuers = std::vector<Issuer>;

/// What a verified client certificate says. Strings are UTF-8 without U+0000 and control characters
/// and have one reading only. A name that is not so is left out, and `left_out` says why: no rule
/// that asks for it holds.
struct Certificate {
  std::string common_name;  // empty where the subject has none
  std::string serial;       // lower-case hex without separators
  std::vector<std::string> san_dns;
  std::vector<std::string> san_uri;
  std::string fingerprint;  // SHA-256 of the DER form, lower-case hex
  // Of the SPIFFE identifier, where there is one: SPIFFE-ID, 2; X509-SVID, 2.
  std::string spiffe_domain = {};  // trust domain
  std::string spiffe_name = {};    // last segment of the path; empty: it has no path
  /// Why a name that the certificate has is not above, a line each. Static storage.
  std::vector<std::string_view> left_out = {};
  Leniency needs = {};
  // What it is judged by again while its client is connected.
  std::chrono::system_clock::time_point not_after{};
  Strength strength = {};
  /// Null: it was not verified. Empty: it stands in the bundle itself.
  std::shared_ptr<const Issuers> issuers = nullptr;
};

/// Something that an authenticator says of a client that it lets in.
struct LoginAttribute {
  std::string name;
  std::string value;

  [[nodiscard]] friend bool operator==(const LoginAttribute&, const LoginAttribute&) = default;
};

/// What the gateway knows of who a client is.
struct Identity {
  std::string listener;
  std::string address;  // numeric, without the port; behind a proxy what its header says
  std::shared_ptr<const Certificate> certificate;  // null: none was shown
  std::optional<std::string> username;
  std::string client_id;
  std::vector<LoginAttribute> login_attributes = {};  // empty: nobody was asked, or said any
  PrefixLengths address_prefix = {};  // of the listener: how much of `address` counts
};

/// Returns whom a client without a certificate is counted as, wherever addresses are counted: the
/// prefix of its address. Returns none if that is not numeric; a zone (fe80::1%eth0) is left out.
[[nodiscard]] std::optional<AddressPrefix> counted_prefix(const Identity& identity);
/// The same as a text ("2001:db8:0:1::/64", "192.0.2.7/32"). What is not numeric stands for itself.
[[nodiscard]] std::string counted_address(const Identity& identity);

}  // namespace sallyport
