#include "sallyport/identity.h"

namespace sallyport {

std::optional<AddressPrefix> counted_prefix(const Identity& identity) {
  const std::string_view text = identity.address;
  const auto address = parse_ip(text.substr(0, text.find('%')));
  if (!address) return std::nullopt;
  return prefix_of(*address, identity.address_prefix);
}

std::string counted_address(const Identity& identity) {
  const auto prefix = counted_prefix(identity);
  return prefix ? to_string(*prefix) : identity.address;
}

}  // namespace sallyport
