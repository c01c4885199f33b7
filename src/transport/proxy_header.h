#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "transport/layer.h"

namespace sallyport::transport {

/// Reads the header that a proxy puts before a connection to say whose it is: version 1 (text) and
/// version 2 (binary) of "The PROXY protocol", HAProxy's document, 2020/03/05, sections 2.1
/// and 2.2. What follows the header is inner as it comes.
///
/// The header is believed, so only connections of trusted proxies may be read for one. A header
/// must be there: a peer that sends something else has failed with connection.proxy-header. Strict:
/// a length that does not fit its contents, a number with a leading zero, an unknown command,
/// family or transport is malformed. Of UNKNOWN, LOCAL, UNSPEC and of Unix sockets no address is
/// taken; the socket's counts. Extensions (TLV) of TCP addresses are checked for their lengths and
/// left aside.
class ProxyHeader final : public Layer {
 public:
  /// Longest header of version 1, CR LF included. 2.1
  static constexpr std::size_t kMostText = 107;

  /// `most`: longest header that is taken, in bytes.
  explicit ProxyHeader(std::size_t most) : most_(most) {}

  State start(Buffer& out) override;
  State feed(Bytes in, Buffer& inner, Buffer& out) override;
  State send(std::span<const Bytes> inner, Buffer& out) override;
  void close(Buffer& out) override;
  void tell(PeerFacts& facts) const override;
  [[nodiscard]] State state() const override { return state_; }
  [[nodiscard]] Failure failure() const override { return failure_; }

 private:
  enum class Step : std::uint8_t {
    first,      // the byte that tells the versions apart
    text,       // version 1: up to CR LF
    fixed,      // version 2: the first 16 bytes
    addresses,  // version 2: the address block
    tlv_head,   // version 2: type and length of an extension
    skip,       // version 2: bytes that mean nothing here
  };

  void take(std::uint8_t byte);
  void check_text(std::uint8_t byte);
  void read_text();
  void read_fixed();
  void read_addresses();
  void read_tlv_head();
  void gather(Step step, std::size_t bytes);
  void skip(std::size_t bytes);
  void go_on();
  void fail(std::string_view why);

  const std::size_t most_;
  std::array<std::uint8_t, kMostText> bytes_{};  // of this step
  std::size_t size_ = 0;
  std::size_t wanted_ = 0;  // version 2: bytes that end this step
  std::size_t left_ = 0;    // version 2: bytes of the header behind this step
  bool has_tlvs_ = false;   // those are a list of extensions
  Step step_ = Step::first;
  State state_ = State::opening;
  std::optional<IpAddress> address_;
  Failure failure_;
};

}  // namespace sallyport::transport
