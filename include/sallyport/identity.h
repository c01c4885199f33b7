#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/address.h"

namespace sallyport {

/// What a verified client certificate says. Strings are UTF-8 without U+0000; a certificate whose
/// names are not so is refused in the handshake.
struct Certificate {
  std::string common_name;  // empty where the subject has none
  std::string serial;       // lower-case hex without separators
  std::vector<std::string> san_dns;
  std::vector<std::string> san_uri;
  std::string fingerprint;  // SHA-256 of the DER form, lower-case hex
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
