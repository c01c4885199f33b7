#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "sallyport/bytes.h"
#include "sallyport/checks.h"
#include "sallyport/identity.h"
#include "sallyport/mqtt.h"
#include "sallyport/time.h"

/// What a session asks an authenticator about a CONNECT, and what the answer may be.
namespace sallyport {

/// What a client shows of who it is. The views point into the session's own copy of CONNECT: they
/// are valid until Session::authenticated() is called or the session is destroyed. Whoever copies
/// the password wipes the copy.
struct LoginRequest {
  std::optional<std::string_view> username;
  Bytes password;                // empty: CONNECT has none, or an empty one
  std::string_view auth_method;  // of enhanced authentication; empty: none. 3.1.2.11.9 (5.0)
  const Identity& identity;
};

/// The client may go on to the broker.
struct LoginAllowed {
  std::optional<Instant> valid_until;      // the session ends then; none: it does not
  std::vector<LoginAttribute> attributes;  // Identity keeps them
};
/// The client is refused, in CONNACK. MQTT 3.x gets the return code nearest to `reason`.
struct LoginRefused {
  Check check = Check::login_refused;
  mqtt::ReasonCode reason = mqtt::ReasonCode::bad_user_name_or_password;
};
/// Nobody could say. The client is refused, for this fails closed, and may try again.
struct LoginUnavailable {};

using LoginResult = std::variant<LoginAllowed, LoginRefused, LoginUnavailable>;

}  // namespace sallyport
