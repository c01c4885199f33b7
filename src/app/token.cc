#include "app/token.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

namespace sallyport::app {

namespace {

constexpr std::size_t kLeast = 16;
constexpr std::size_t kLongest = 512;
constexpr std::string_view kHint =
    "write one line of 16 to 512 visible ASCII characters: openssl rand -hex 32";

}  // namespace

std::expected<std::string, TokenError> load_token(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::array<char, kLongest + 3> bytes{};  // a line end, and one to see that there is more
  if (file) file.read(bytes.data(), bytes.size());
  if (file.gcount() == 0 && !file.eof()) {
    const std::string why = errno == 0 ? "cannot be read" : std::generic_category().message(errno);
    return std::unexpected(TokenError{path + ": " + why, "name a file that can be read"});
  }
  std::string token(bytes.data(), static_cast<std::size_t>(file.gcount()));
  bytes.fill(0);
  if (token.ends_with('\n')) token.pop_back();
  if (token.ends_with('\r')) token.pop_back();
  const bool visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
  if (token.size() < kLeast || token.size() > kLongest || !visible) {
    return std::unexpected(TokenError{path + " holds no token", std::string(kHint)});
  }
  return token;
}

}  // namespace sallyport::app
