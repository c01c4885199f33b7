#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
};

}  // namespace sallyport
