#include "tls/identity.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <openssl/asn1.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pool.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sallyport/bytes.h"
#include "sallyport/utf8.h"

namespace sallyport::tls {
namespace {

using Refused = std::optional<std::string_view>;  // one line of static storage

struct FreeGeneralNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string to_hex(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

std::string_view text_of(const ASN1_STRING* string) {
  return as_text(
      {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))});
}

Refused read_common_name(X509* leaf, std::string& common_name) {
  const X509_NAME* subject = X509_get_subject_name(leaf);
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0) return std::nullopt;
  if (X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) {
    return "client certificate has more than one common name";
  }
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
  std::uint8_t* converted = nullptr;
  const int length = ASN1_STRING_to_UTF8(&converted, value);
  if (length < 0) return "common name of the client certificate is not valid text";
  const bssl::UniquePtr<std::uint8_t> owner(converted);
  const std::string_view text = as_text({converted, static_cast<std::size_t>(length)});
  if (text.size() > kMaxNameBytes) return "common name of the client certificate is too long";
  if (mqtt::check_utf8(text, true)) {
    return "common name of the client certificate holds a NUL or control character or is not UTF-8";
  }
  common_name = text;
  return std::nullopt;
}

Refused read_alternative_names(X509* leaf, Certificate& certificate) {
  int critical = 0;
  const std::unique_ptr<GENERAL_NAMES, FreeGeneralNames> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, nullptr)));
  if (names == nullptr) {
    if (critical == -1) return std::nullopt;  // there is none
    return "subjectAltName of the client certificate is malformed or stands there twice";
  }
  for (std::size_t i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    std::vector<std::string>* list = nullptr;
    const ASN1_STRING* value = nullptr;
    if (name->type == GEN_DNS) {
      list = &certificate.san_dns;
      value = name->d.dNSName;
    } else if (name->type == GEN_URI) {
      list = &certificate.san_uri;
      value = name->d.uniformResourceIdentifier;
    } else {
      continue;
    }
    if (certificate.san_dns.size() + certificate.san_uri.size() == kMaxNames) {
      return "client certificate has too many subject alternative names";
    }
    const std::string_view text = text_of(value);
    if (text.empty()) return "client certificate has an empty subject alternative name";
    if (text.size() > kMaxNameBytes) {
      return "a subject alternative name of the client certificate is too long";
    }
    // Both are IA5String: ASCII. RFC 5280, 4.2.1.6
    for (const char c : text) {
      if (static_cast<std::uint8_t>(c) < 0x20 || static_cast<std::uint8_t>(c) > 0x7e) {
        return "a subject alternative name of the client certificate holds a NUL, a control "
               "character or a character that is not ASCII";
      }
    }
    list->emplace_back(text);
  }
  return std::nullopt;
}

Refused read_serial(X509* leaf, std::string& serial) {
  const ASN1_INTEGER* number = X509_get0_serialNumber(leaf);
  const auto length = static_cast<std::size_t>(ASN1_STRING_length(number));
  if (length > kMaxSerialBytes) return "serial number of the client certificate is too long";
  // Some private CAs break RFC 5280 with negative numbers: the sign keeps them apart.
  if (ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER) serial.push_back('-');
  serial += length == 0 ? "00" : to_hex({ASN1_STRING_get0_data(number), length});
  return std::nullopt;
}

}  // namespace

std::expected<Certificate, std::string_view> read_certificate(X509* leaf, CRYPTO_BUFFER* der) {
  Certificate certificate;
  if (const Refused why = read_common_name(leaf, certificate.common_name)) {
    return std::unexpected(*why);
  }
  if (const Refused why = read_alternative_names(leaf, certificate)) return std::unexpected(*why);
  if (const Refused why = read_serial(leaf, certificate.serial)) return std::unexpected(*why);

  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(CRYPTO_BUFFER_data(der), CRYPTO_BUFFER_len(der), digest.data());
  certificate.fingerprint = to_hex(digest);
  return certificate;
}

}  // namespace sallyport::tls
