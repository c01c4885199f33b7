#include "app/token.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "sallyport/bytes.h"

#include "app/read_file.h"

namespace sallyport::app {

namespace {

constexpr std::size_t kLeast = 16;
constexpr std::size_t kLongest = 512;
constexpr std::string_view kHint =
    "write one line of 16 to 512 visible ASCII characters: openssl rand -hex 32";

}  // namespace

std::expected<std::string, TokenError> load_token(const std::string& path) {
  Buffer bytes;
  // A line end, and one to see that there is more.
  if (const int error = read_file(path, kLongest + 3, bytes); error != 0) {
    const std::string why =
        error == EINVAL ? "is not a regular file" : std::generic_category().message(error);
    return std::unexpected(TokenError{path + ": " + why, "name a file that can be read"});
  }
  std::string token(bytes.bytes().begin(), bytes.bytes().end());
  bytes.wipe();
  if (token.ends_with('\n')) token.pop_back();
  if (token.ends_with('\r')) token.pop_back();
  const bool visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
  if (token.size() < kLeast || token.size() > kLongest || !visible) {
    return std::unexpected(TokenError{path + " holds no token", std::string(kHint)});
  }
  return token;
}

}  // namespace sallyport::app
