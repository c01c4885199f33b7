#include "tls/pem.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sallyport/bytes.h"

namespace sallyport::tls {
namespace {

constexpr std::size_t kMaxFileBytes =
    std::size_t{4} * 1024 * 1024;  // all of Mozilla's CAs: 0.2 MiB

class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// A file's bytes, overwritten when they are let go: they may be a private key.
class Contents final {
 public:
  Contents() = default;
  ~Contents() { bytes_.wipe(); }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;

  /// False: `errors` has one more.
  [[nodiscard]] bool read(const std::string& file, std::vector<TlsError>& errors);
  [[nodiscard]] Bytes bytes() const { return bytes_.bytes(); }

 private:
  Buffer bytes_;
};

bool Contents::read(const std::string& file, std::vector<TlsError>& errors) {
  const auto failed = [&](std::string message) {
    errors.push_back({file, std::move(message)});
    return false;
  };
  const auto system_word = [] { return std::generic_category().message(errno); };

  if (file.find('\0') != std::string::npos) return failed("file name holds a NUL character");
  // O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd.get() < 0) return failed("cannot be opened: " + system_word());
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failed("cannot be read: " + system_word());
  if (S_ISDIR(status.st_mode)) return failed("is a directory; name the PEM file in it");
  if (!S_ISREG(status.st_mode)) return failed("is not a regular file");
  if (status.st_size > static_cast<off_t>(kMaxFileBytes)) {
    return failed("is larger than 4 MiB; that is no PEM file of certificates or keys");
  }

  // Room for the whole file and one byte more, so that no growth leaves a copy of a key behind.
  const std::size_t wanted = static_cast<std::size_t>(status.st_size) + 1;
  const std::span<std::uint8_t> room = bytes_.prepare(wanted);
  while (bytes_.size() < wanted) {
    const ssize_t n = ::read(fd.get(), room.data() + bytes_.size(), wanted - bytes_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot be read: " + system_word());
    if (n == 0) break;
    bytes_.commit(static_cast<std::size_t>(n));
  }
  if (bytes_.size() == wanted) return failed("changed while it was read; try again");
  if (bytes_.empty()) return failed("is empty");
  return true;
}

/// Does it begin as DER does, with a SEQUENCE of more than 127 bytes?
bool is_binary(Bytes bytes) {
  return bytes.size() > 2 && bytes[0] == 0x30 && (bytes[1] == 0x81 || bytes[1] == 0x82);
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
