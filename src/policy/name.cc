#include "policy/name.h"

namespace sallyport::policy {

bool is_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  constexpr std::string_view kCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
  return !name.empty() && name.size() <= kLongest &&
         name.find_first_not_of(kCharacters) == std::string_view::npos;
}

}  // namespace sallyport::policy
