#include "proxy/commands.h"

#include "policy/address.h"

namespace sallyport::proxy {

namespace {

bool same(const std::optional<std::string>& wanted, std::string_view value) {
  return !wanted || *wanted == value;
}

bool inside(const AddressPrefix& network, std::string_view text) {
  const auto address = policy::parse_address(text);
  return address && network.contains(*address);
}

}  // namespace

bool SessionFilter::fits(std::uint64_t session, const Identity& who) const {
  if (id && *id != session) return false;
  if (!same(listener, who.listener) || !same(client_id, who.client_id)) return false;
  if (username && username != who.username) return false;
  if (address && !inside(*address, who.address)) return false;
  if (!cert_cn && !cert_serial && !cert_fingerprint) return true;
  const Certificate* const shown = who.certificate.get();
  return shown != nullptr && same(cert_cn, shown->common_name) &&
         same(cert_serial, shown->serial) && same(cert_fingerprint, shown->fingerprint);
}

}  // namespace sallyport::proxy
