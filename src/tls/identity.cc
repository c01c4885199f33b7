#include "tls/identity.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sallyport/bytes.h"
#include "sallyport/utf8.h"

#include "tls/issuers.h"
#include "tls/spiffe.h"
#include "tls/strength.h"
#include "tls/trust.h"
#include "tls/validity.h"

namespace sallyport::tls {
namespace {

using LeftOut = std::vector<std::string_view>;  // a line each, of static storage

constexpr std::size_t kMaxSerialBytes = 32;  // RFC 5280, 4.1.2.2: 20

struct FreeGeneralNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string_view text_of(const ASN1_STRING* string) {
  return as_text(
      {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))});
}

/// One line for each reason, however many names have it.
void leave_out(LeftOut& left_out, std::string_view why) {
  if (std::ranges::find(left_out, why) == left_out.end()) left_out.push_back(why);
}

void read_common_name(X509* leaf, const NameBounds& bounds, Certificate& certificate) {
  const X509_NAME* subject = X509_get_subject_name(leaf);
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0) return;
  const auto fail = [&](std::string_view why) { leave_out(certificate.left_out, why); };
  if (X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) {
    return fail("cn: the subject has more than one common name");
  }
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
  std::uint8_t* converted = nullptr;
  const int length = ASN1_STRING_to_UTF8(&converted, value);
  if (length < 0) return fail("cn: not valid text in its encoding");
  const bssl::UniquePtr<std::uint8_t> owner(converted);
  const std::string_view text = as_text({converted, static_cast<std::size_t>(length)});
  if (text.size() > bounds.max_name) return fail("cn: longer than max_name");
  if (mqtt::check_utf8(text, true)) {
    return fail("cn: holds a NUL or control character, or is not UTF-8");
  }
  certificate.common_name = text;
}

/// Why a DNS name or URI cannot be used; empty: it can.
std::string_view wrong_with(std::string_view text, const NameBounds& bounds) {
  if (text.empty()) return "san: a name is empty";
  if (text.size() > bounds.max_name) return "san: a name is longer than max_name";
  // Both are IA5String: ASCII. RFC 5280, 4.2.1.6
  const auto is_plain = [](char c) { return c >= 0x20 && c <= 0x7e; };
  if (!std::ranges::all_of(text, is_plain)) {
    return "san: a name holds a NUL, a control character or one that is not ASCII";
  }
  return {};
}

/// An SVID has one URI, which is its identifier. X509-SVID, 2
void read_spiffe(std::string_view uri, std::size_t uris, Certificate& certificate) {
  if (uris > 1) return leave_out(certificate.left_out, "spiffe: there are several URIs");
  const auto id = parse_spiffe(uri);
  if (!id) return leave_out(certificate.left_out, "spiffe: the identifier is malformed");
  certificate.spiffe_domain = id->domain;
  certificate.spiffe_name = id->name;
}

void read_alternative_names(X509* leaf, const NameBounds& bounds, Certificate& certificate) {
  int critical = 0;
  const std::unique_ptr<GENERAL_NAMES, FreeGeneralNames> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, nullptr)));
  ERR_clear_error();
  if (names == nullptr) {
    if (critical == -1) return;  // there is none
    return leave_out(certificate.left_out, "san: malformed, or there twice");
  }
  std::size_t count = 0;
  std::size_t uris = 0;
  std::string_view spiffe;
  for (std::size_t i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const bool is_uri = name->type == GEN_URI;
    if (!is_uri && name->type != GEN_DNS) continue;
    if (++count > bounds.max_names) {
      certificate.san_dns.clear();
      certificate.san_uri.clear();
      return leave_out(certificate.left_out, "san: more names than max_names");
    }
    const std::string_view text =
        text_of(is_uri ? name->d.uniformResourceIdentifier : name->d.dNSName);
    if (is_uri) ++uris;
    if (const std::string_view why = wrong_with(text, bounds); !why.empty()) {
      leave_out(certificate.left_out, why);
      continue;
    }
    (is_uri ? certificate.san_uri : certificate.san_dns).emplace_back(text);
    if (is_uri && is_spiffe(text)) spiffe = text;
  }
  if (!spiffe.empty()) read_spiffe(spiffe, uris, certificate);
}

void read_serial(X509* leaf, Certificate& certificate) {
  const ASN1_INTEGER* number = X509_get0_serialNumber(leaf);
  const auto length = static_cast<std::size_t>(ASN1_STRING_length(number));
  if (length > kMaxSerialBytes) {
    return leave_out(certificate.left_out, "serial: longer than 32 bytes");
  }
  certificate.serial = serial_text(number);
}

}  // namespace

Certificate read_certificate(X509* leaf, const CRYPTO_BUFFER* der, const NameBounds& bounds) {
  Certificate certificate;
  read_common_name(leaf, bounds, certificate);
  read_alternative_names(leaf, bounds, certificate);
  read_serial(leaf, certificate);
  certificate.fingerprint = to_hex(fingerprint_of(der));
  certificate.not_after = not_after(leaf);
  certificate.strength = strength_of(leaf);
  return certificate;
}

}  // namespace sallyport::tls
