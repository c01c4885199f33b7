#include "tls/pem.h"

#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include "sallyport/bytes.h"

#include "tls/file.h"

namespace sallyport::tls {
namespace {

/// Does it begin as DER does, with a SEQUENCE of more than 127 bytes?
bool is_binary(Bytes bytes) {
  return bytes.size() > 2 && bytes[0] == 0x30 && bytes[1] >= 0x81 && bytes[1] <= 0x84;
}

struct FreeText {
  void operator()(char* text) const { OPENSSL_free(text); }
};

/// One "-----BEGIN name-----" block.
struct Block {
  std::unique_ptr<char, FreeText> name;
  std::unique_ptr<char, FreeText> header;
  bssl::UniquePtr<std::uint8_t> data;  // OPENSSL_free() overwrites it
  long size = 0;

  [[nodiscard]] std::string_view label() const { return name.get(); }
  [[nodiscard]] bool is_encrypted() const {
    // RFC 1421 style encryption of the traditional key formats, and PKCS#8's own.
    return label() == "ENCRYPTED PRIVATE KEY" ||
           std::string_view(header.get()).find("ENCRYPTED") != std::string_view::npos;
  }
};

/// The blocks of a file one after the other.
class Blocks final {
 public:
  explicit Blocks(Bytes pem) : bio_(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))) {}

  /// Nothing: the end, or broken().
  [[nodiscard]] std::optional<Block> next() {
    ERR_clear_error();
    char* name = nullptr;
    char* header = nullptr;
    std::uint8_t* data = nullptr;
    long size = 0;
    if (bio_ == nullptr || PEM_read_bio(bio_.get(), &name, &header, &data, &size) != 1) {
      const std::uint32_t error = ERR_peek_last_error();
      ERR_clear_error();
      broken_ = ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE;
      return std::nullopt;
    }
    Block block;
    block.name.reset(name);
    block.header.reset(header);
    block.data.reset(data);
    block.size = size;
    return block;
  }
  /// The last next() met a block that is not PEM: cut short, or not base64.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  bssl::UniquePtr<BIO> bio_;
  bool broken_ = false;
};

constexpr std::string_view kBrokenBlock =
    "holds a PEM block that is cut short or damaged; copy the file again";

bool is_private_key(const Block& block) { return block.label().ends_with("PRIVATE KEY"); }

}  // namespace

std::vector<LoadedCertificate> load_certificates(const std::string& file,
                                                 std::vector<TlsError>& errors) {
  Contents contents;
  if (!contents.read(file, errors)) return {};

  std::vector<LoadedCertificate> found;
  bool saw_key = false;
  Blocks blocks(contents.bytes());
  while (std::optional<Block> block = blocks.next()) {
    saw_key = saw_key || is_private_key(*block);
    if (block->label() != PEM_STRING_X509 && block->label() != PEM_STRING_X509_OLD) continue;
    LoadedCertificate one;
    one.der.reset(
        CRYPTO_BUFFER_new(block->data.get(), static_cast<std::size_t>(block->size), nullptr));
    if (one.der != nullptr) one.parsed.reset(X509_parse_from_buffer(one.der.get()));
    ERR_clear_error();
    if (one.parsed == nullptr) {
      errors.push_back({file, "certificate " + std::to_string(found.size() + 1) +
                                  " in it is not a valid X.509 certificate"});
      return {};
    }
    found.push_back(std::move(one));
  }
  if (blocks.broken()) {
    errors.push_back({file, std::string(kBrokenBlock)});
    return {};
  }
  if (found.empty()) {
    std::string_view why = "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)";
    if (saw_key) {
      why = "holds a private key, but no certificate; are certificate and key swapped?";
    } else if (is_binary(contents.bytes())) {
      why =
          "is in DER form or a PKCS#12 store, not in PEM form; write it as PEM (openssl x509 "
          "-inform der -in FILE -out NEW, or openssl pkcs12 -in FILE -nokeys -out NEW)";
    }
    errors.push_back({file, std::string(why)});
  }
  return found;
}

std::vector<bssl::UniquePtr<X509_CRL>> load_crls(const std::string& file,
                                                 std::vector<TlsError>& errors) {
  Contents contents;
  if (!contents.read(file, errors, kMaxCrlBytes)) return {};

  std::vector<bssl::UniquePtr<X509_CRL>> found;
  const auto add = [&](const std::uint8_t* der, std::size_t size) {
    const std::uint8_t* const end = der + size;
    bssl::UniquePtr<X509_CRL> one(d2i_X509_CRL(nullptr, &der, static_cast<long>(size)));
    ERR_clear_error();
    if (one == nullptr || der != end) return false;
    found.push_back(std::move(one));
    return true;
  };
  const auto failed = [&](std::string message) {
    errors.push_back({file, std::move(message)});
    return std::vector<bssl::UniquePtr<X509_CRL>>();
  };
  if (is_binary(contents.bytes())) {
    const Bytes der = contents.bytes();
    if (!add(der.data(), der.size())) return failed("is no valid CRL in DER form");
    return found;
  }
  Blocks blocks(contents.bytes());
  while (std::optional<Block> block = blocks.next()) {
    if (block->label() != PEM_STRING_X509_CRL) continue;
    if (!add(block->data.get(), static_cast<std::size_t>(block->size))) {
      return failed("holds a CRL that is not valid: number " + std::to_string(found.size() + 1));
    }
  }
  if (blocks.broken()) return failed(std::string(kBrokenBlock));
  if (found.empty()) {
    return failed(
        "holds no CRL, neither in PEM form (-----BEGIN X509 CRL-----) nor in DER form; make one "
        "with openssl ca -gencrl, or get it where the CA publishes it");
  }
  return found;
}

bssl::UniquePtr<EVP_PKEY> load_key(const std::string& file, std::vector<TlsError>& errors) {
  Contents contents;
  if (!contents.read(file, errors)) return nullptr;
  const auto failed = [&](std::string_view message) {
    errors.push_back({file, std::string(message)});
    return nullptr;
  };

  bssl::UniquePtr<EVP_PKEY> key;
  bool saw_certificate = false;
  Blocks blocks(contents.bytes());
  while (const std::optional<Block> block = blocks.next()) {
    saw_certificate = saw_certificate || block->label() == PEM_STRING_X509;
    if (!is_private_key(*block)) continue;
    if (key != nullptr) return failed("holds more than one private key; leave one");
    if (block->is_encrypted()) {
      return failed(
          "is encrypted with a passphrase, and nobody is there to type it at start; write it "
          "without one (openssl pkey -in KEY -out NEW) and protect it with file permissions");
    }
    const std::uint8_t* der = block->data.get();
    key.reset(d2i_AutoPrivateKey(nullptr, &der, block->size));
    ERR_clear_error();
    if (key == nullptr) {
      return failed(
          "holds a private key that cannot be used; ECDSA, RSA and Ed25519 are supported");
    }
  }
  if (blocks.broken()) return failed(kBrokenBlock);
  if (key == nullptr && saw_certificate) {
    return failed("holds a certificate, but no private key; are certificate and key swapped?");
  }
  if (key == nullptr && is_binary(contents.bytes())) {
    return failed(
        "is in DER form or a PKCS#12 store, not in PEM form; write it as PEM (openssl pkey "
        "-inform der -in FILE -out NEW, or openssl pkcs12 -in FILE -nocerts -noenc -out NEW)");
  }
  if (key == nullptr) {
    return failed("holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)");
  }
  return key;
}

}  // namespace sallyport::tls
