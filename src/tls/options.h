#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/origin.h"

#include "tls/fingerprint.h"

/// What operators say of TLS, as plain values. A default stands here, once.
namespace sallyport::tls {

enum class ClientCertificate : std::uint8_t { none, optional, required };
enum class ProtocolVersion : std::uint8_t { tls1_2, tls1_3 };

/// What a broker's certificate is held against.
enum class Verify : std::uint8_t {
  full,    // the chain to `ca`, the dates, keyUsage, and the name in subjectAltName
  chain,   // the chain to `ca` and the dates
  pinned,  // nothing but that it is one of `pins`: not even its dates
};

/// What counts of a client whose CA has no list of revoked certificates (CRL) that is valid now.
enum class CrlFail : std::uint8_t {
  closed,  // it is refused
  open,    // it is let in, unless a list that is over names it
};

/// Longest record and its default: the protocol's own bound. RFC 8446, 5.1
inline constexpr std::uint16_t kLargestRecord = 16 * 1024;
/// RSA keys from so many bits on, and elliptic curves from P-256 on, are strong enough.
inline constexpr std::uint32_t kStrongRsaBits = 2048;

/// What every chain of certificates that a peer shows is held against.
struct PeerOptions {
  /// RSA keys of fewer bits are refused, at every depth. Below kStrongRsaBits the curve P-224 is
  /// let in as well, which is as strong as RSA with 2048 bits and no more.
  std::uint32_t min_key = kStrongRsaBits;
  /// Lets signatures with SHA-1 in. What is signed with MD5 is refused in any case.
  bool allow_sha1 = false;
  /// CAs between the peer's certificate and the one of the bundle.
  std::uint32_t max_chain = 8;
  std::uint32_t max_chain_bytes = 32 * 1024;  // all of it, in DER
  [[nodiscard]] friend bool operator==(const PeerOptions&, const PeerOptions&) = default;
};

/// What is kept of a client certificate's names; one connection holds them while it lives.
struct NameBounds {
  std::uint32_t max_names = 16;  // DNS names and URIs together
  std::uint32_t max_name = 256;  // bytes of each, and of the common name
};

/// Files that say which client certificates count no more, or longer than they say themselves: each
/// a pattern here, and a path in the options that a Context is made from.
struct RevocationOptions {
  std::vector<std::string> crl;              // PEM or DER
  std::vector<std::string> deny_lists;       // certificate_list.h
  std::vector<std::string> exception_lists;  // certificate_list.h, with an end in each line
  CrlFail crl_fail = CrlFail::closed;
  Origin crl_origin;
  Origin deny_origin;
  Origin exception_origin;

  [[nodiscard]] bool any() const {
    return !crl.empty() || !deny_lists.empty() || !exception_lists.empty();
  }
};

/// Paths are as the operator wrote them, already resolved against the file they stood in.
struct ServerOptions : PeerOptions, NameBounds, RevocationOptions {
  std::string certificate;  // PEM, leaf first, then intermediates
  std::string key;          // PEM, PKCS#8 or traditional, not encrypted
  std::string client_ca;    // PEM bundle; needed unless client_certificate is none
  ClientCertificate client_certificate = ClientCertificate::none;
  ProtocolVersion min_version = ProtocolVersion::tls1_2;
  /// Bytes of plaintext in a record that is sent, unless the client asks for fewer.
  std::uint16_t max_record = kLargestRecord;
  /// The names of client_ca are sent to clients, as a hint, where they take no more bytes.
  std::uint32_t max_ca_names = 4 * 1024;
};

struct ClientOptions : PeerOptions {
  Verify verify = Verify::full;
  std::string ca;                 // PEM bundle that the broker's certificate must chain to
  std::vector<Fingerprint> pins;  // Verify::pinned
  std::string server_name;        // name or address that it must carry; a name is sent as SNI
  std::string certificate;        // optional, with `key`
  std::string key;
  ProtocolVersion min_version = ProtocolVersion::tls1_2;
  /// None: TLS 1.3; but 1.2 unless `verify` is full, where min_version allows. TLS 1.3 takes no
  /// certificate whose keyUsage has no digitalSignature, whatever is verified.
  std::optional<ProtocolVersion> max_version;
};

}  // namespace sallyport::tls
