#pragma once

#include <expected>
#include <string>

namespace sallyport::app {

/// What is wrong with the file of a token.
struct TokenError {
  std::string message;
  std::string hint;
};

/// The token that a file holds: one line of 16 to 512 visible ASCII characters, which is what fits
/// behind "Authorization: Bearer " (RFC 6750, 2.1).
[[nodiscard]] std::expected<std::string, TokenError> load_token(const std::string& path);

}  // namespace sallyport::app
