#include "pki.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/stack.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

namespace sallyport::tls::test {
namespace {

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("test PKI: ") + what);
}

std::string take(BIO* bio) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  must(BIO_mem_contents(bio, &data, &size) == 1, "BIO_mem_contents");
  return {reinterpret_cast<const char*>(data), size};
}

bssl::UniquePtr<BIO> memory() { return bssl::UniquePtr<BIO>(BIO_new(BIO_s_mem())); }

void add_name(GENERAL_NAMES* names, int type, std::string_view value) {
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  ASN1_STRING* text =
      type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_STRING_type_new(V_ASN1_IA5STRING);
  must(ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1, "a name");
  GENERAL_NAME_set0_value(name.get(), type, text);
  must(bssl::PushToStack(names, std::move(name)), "a name");
}

void add_extension(X509* certificate, int nid, const char* value) {
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, nullptr, nid, value));
  must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

void add_names(X509* certificate, const Request& request) {
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(GENERAL_NAMES_new(),
                                                                       GENERAL_NAMES_free);
  for (const std::string& dns : request.dns) add_name(names.get(), GEN_DNS, dns);
  for (const std::string& uri : request.uris) add_name(names.get(), GEN_URI, uri);
  for (const std::string& email : request.emails) add_name(names.get(), GEN_EMAIL, email);
  for (const std::string& address : request.addresses) {
    in_addr raw{};
    must(::inet_pton(AF_INET, address.c_str(), &raw) == 1, "an address");
    add_name(names.get(), GEN_IPADD, {reinterpret_cast<const char*>(&raw), sizeof raw});
  }
  if (sk_GENERAL_NAME_num(names.get()) == 0) return;
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1, "the names");
}

}  // namespace

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "sallyport-tls-XXXXXX").string();
  must(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::path(std::string_view name) const { return path_ + "/" + std::string(name); }

std::string Folder::write(std::string_view name, std::string_view content) const {
  std::ofstream file(path(name), std::ios::binary);
  file << content;
  file.close();
  must(file.good(), "writing a file");
  return path(name);
}

bssl::UniquePtr<EVP_PKEY> make_key(KeyType type) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (type == KeyType::p256 || type == KeyType::p224) {
    const bssl::UniquePtr<EC_KEY> ec(
        EC_KEY_new_by_curve_name(type == KeyType::p256 ? NID_X9_62_prime256v1 : NID_secp224r1));
    must(EC_KEY_generate_key(ec.get()) == 1 && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1,
         "a key");
  } else if (type == KeyType::ed25519) {
    const bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
    EVP_PKEY* made = nullptr;
    must(EVP_PKEY_keygen_init(context.get()) == 1 && EVP_PKEY_keygen(context.get(), &made) == 1,
         "a key");
    key.reset(made);
  } else {
    const bssl::UniquePtr<RSA> rsa(RSA_new());
    const bssl::UniquePtr<BIGNUM> exponent(BN_new());
    must(BN_set_word(exponent.get(), RSA_F4) == 1 &&
             RSA_generate_key_ex(rsa.get(), type == KeyType::rsa2048 ? 2048 : 1024, exponent.get(),
                                 nullptr) == 1 &&
             EVP_PKEY_set1_RSA(key.get(), rsa.get()) == 1,
         "a key");
  }
  return key;
}

std::string to_pem(EVP_PKEY* key) {
  const auto bio = memory();
  must(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "a key's PEM");
  return take(bio.get());
}

std::string to_encrypted_pem(EVP_PKEY* key) {
  const auto bio = memory();
  char passphrase[] = "open sesame";
  must(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, EVP_aes_256_cbc(), passphrase,
                                     sizeof passphrase - 1, nullptr, nullptr) == 1,
       "a key's PEM");
  return take(bio.get());
}

std::string to_traditional_encrypted_pem(EVP_PKEY* key) {
  const auto bio = memory();
  std::uint8_t passphrase[] = "open sesame";
  must(PEM_write_bio_ECPrivateKey(bio.get(), EVP_PKEY_get0_EC_KEY(key), EVP_aes_256_cbc(),
                                  passphrase, sizeof passphrase - 1, nullptr, nullptr) == 1,
       "a key's PEM");
  return take(bio.get());
}

std::string to_traditional_pem(EVP_PKEY* ec_key) {
  const auto bio = memory();
  must(PEM_write_bio_ECPrivateKey(bio.get(), EVP_PKEY_get0_EC_KEY(ec_key), nullptr, nullptr, 0,
                                  nullptr, nullptr) == 1,
       "a key's PEM");
  return take(bio.get());
}

std::string Issued::pem() const {
  const auto bio = memory();
  must(PEM_write_bio_X509(bio.get(), certificate.get()) == 1, "a certificate's PEM");
  return take(bio.get());
}

std::string Issued::der() const {
  std::uint8_t* bytes = nullptr;
  const int size = i2d_X509(certificate.get(), &bytes);
  const bssl::UniquePtr<std::uint8_t> owner(bytes);
  must(size > 0, "a certificate's DER");
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::string Issued::key_pem() const { return to_pem(key.get()); }

Issued issue(const Request& request, const Issued* issuer) {
  Issued made{bssl::UniquePtr<X509>(X509_new()),
              request.with_key == nullptr ? make_key(request.key) : bssl::UpRef(request.with_key)};
  X509* certificate = made.certificate.get();
  EVP_PKEY* signer = issuer == nullptr ? made.key.get() : issuer->key.get();

  must(X509_set_version(certificate, 2) == 1, "the version");
  must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), request.serial) == 1,
       "the serial number");
  const std::time_t now = std::time(nullptr);
  must(ASN1_TIME_set(X509_getm_notBefore(certificate), now + request.valid_from) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), now + request.valid_to) != nullptr,
       "the validity");
  const bssl::UniquePtr<X509_NAME> subject(X509_NAME_new());
  for (const std::string& name : request.common_names) {
    const int type = request.common_name_type == 0 ? V_ASN1_UTF8STRING : request.common_name_type;
    must(X509_NAME_add_entry_by_NID(subject.get(), NID_commonName, type,
                                    reinterpret_cast<const std::uint8_t*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1,
         "the subject");
  }
  must(X509_set_subject_name(certificate, subject.get()) == 1, "the subject");
  must(X509_set_issuer_name(
           certificate, issuer == nullptr ? subject.get()
                                          : X509_get_subject_name(issuer->certificate.get())) == 1,
       "the issuer");
  must(X509_set_pubkey(certificate, made.key.get()) == 1, "the public key");
  if (request.is_ca) {
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE");
  }
  if (!request.key_usage.empty()) {
    add_extension(certificate, NID_key_usage, request.key_usage.c_str());
  }
  if (!request.usage.empty()) {
    add_extension(certificate, NID_ext_key_usage, request.usage.c_str());
  }
  add_names(certificate, request);
  const EVP_MD* digest = request.digest == nullptr ? EVP_sha256() : request.digest;
  if (EVP_PKEY_id(signer) == EVP_PKEY_ED25519) digest = nullptr;
  must(X509_sign(certificate, signer, digest) != 0, "the signature");
  return made;
}

Patched issue_patched(const Request& request, const Issued& issuer, std::string_view from,
                      std::string_view to) {
  must(from.size() == to.size(), "a patch of another size");
  Issued whole = issue(request, &issuer);
  const std::string der = whole.der();
  CBS rest(bssl::MakeConstSpan(reinterpret_cast<const std::uint8_t*>(der.data()), der.size()));
  CBS certificate, tbs, algorithm;
  must(CBS_get_asn1(&rest, &certificate, CBS_ASN1_SEQUENCE) == 1 &&
           CBS_get_asn1_element(&certificate, &tbs, CBS_ASN1_SEQUENCE) == 1 &&
           CBS_get_asn1_element(&certificate, &algorithm, CBS_ASN1_SEQUENCE) == 1,
       "a certificate's parts");
  std::string body(reinterpret_cast<const char*>(CBS_data(&tbs)), CBS_len(&tbs));
  const std::size_t at = body.find(from);
  must(at != std::string::npos, "nothing to patch");
  body.replace(at, from.size(), to);

  bssl::ScopedEVP_MD_CTX signer;
  std::size_t size = static_cast<std::size_t>(EVP_PKEY_size(issuer.key.get()));
  std::string signature(size, '\0');
  must(EVP_DigestSignInit(signer.get(), nullptr, EVP_sha256(), nullptr, issuer.key.get()) == 1 &&
           EVP_DigestSign(signer.get(), reinterpret_cast<std::uint8_t*>(signature.data()), &size,
                          reinterpret_cast<const std::uint8_t*>(body.data()), body.size()) == 1,
       "a signature");

  bssl::ScopedCBB out;
  CBB sequence, bits;
  std::uint8_t* made = nullptr;
  std::size_t made_size = 0;
  must(CBB_init(out.get(), body.size() + 256) == 1 &&
           CBB_add_asn1(out.get(), &sequence, CBS_ASN1_SEQUENCE) == 1 &&
           CBB_add_bytes(&sequence, reinterpret_cast<const std::uint8_t*>(body.data()),
                         body.size()) == 1 &&
           CBB_add_bytes(&sequence, CBS_data(&algorithm), CBS_len(&algorithm)) == 1 &&
           CBB_add_asn1(&sequence, &bits, CBS_ASN1_BITSTRING) == 1 && CBB_add_u8(&bits, 0) == 1 &&
           CBB_add_bytes(&bits, reinterpret_cast<const std::uint8_t*>(signature.data()), size) ==
               1 &&
           CBB_finish(out.get(), &made, &made_size) == 1,
       "a certificate");
  const bssl::UniquePtr<std::uint8_t> owner(made);
  return {{reinterpret_cast<const char*>(made), made_size}, std::move(whole.key)};
}

Issued make_ca(std::string name) {
  return issue({.common_names = {std::move(name)}, .is_ca = true}, nullptr);
}

}  // namespace sallyport::tls::test
