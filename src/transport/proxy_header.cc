#include "transport/proxy_header.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include <arpa/inet.h>

namespace sallyport::transport {

using namespace std::string_view_literals;

namespace {

constexpr std::string_view kTextStart = "PROXY "sv;
constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;  // version 2. 2.2
static_assert(kSignature.size() == 12);

constexpr std::size_t kFixed = 16;
constexpr std::size_t kV4Block = 12;  // two addresses, two ports
constexpr std::size_t kV6Block = 36;
constexpr std::size_t kUnixBlock = 216;  // two paths
constexpr std::size_t kTlvHead = 3;

constexpr std::uint8_t kVersion2 = 2;
constexpr std::uint8_t kLocal = 0;  // commands
constexpr std::uint8_t kProxy = 1;
constexpr std::uint8_t kUnspecified = 0x00;  // family and transport
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;
constexpr std::uint8_t kUnixStream = 0x31;

std::size_t be16(Bytes bytes) { return std::size_t{bytes[0]} << 8 | bytes[1]; }

/// The next word of a line whose words are parted by one space each; none: there is none.
std::optional<std::string_view> next_word(std::string_view& line) {
  if (line.empty()) return std::nullopt;
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  if (word.empty()) return std::nullopt;
  line.remove_prefix(end);
  if (!line.empty()) {
    line.remove_prefix(1);
    if (line.empty()) return std::nullopt;  // a space that nothing follows
  }
  return word;
}

std::optional<IpAddress> parse_address(std::string_view text, bool v6) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);  // inet_pton() wants it so
  if (v6) {
    IpAddress address;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::array<std::uint8_t, 4> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) != 1) return std::nullopt;
  return IpAddress::from_v4(bytes);
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
  const bool padded = text.size() > 1 && text.front() == '0';
  return error == std::errc() && end == text.end() && !padded;
}

}  // namespace

Layer::State ProxyHeader::start(Buffer& /*out*/) { return state_; }

Layer::State ProxyHeader::feed(Bytes in, Buffer& inner, Buffer& /*out*/) {
  while (state_ == State::opening && !in.empty()) {
    take(in.front());
    in = in.subspan(1);
  }
  if (state_ == State::passed) inner.append(in);
  return state_;
}

Layer::State ProxyHeader::send(std::span<const Bytes> inner, Buffer& out) {
  if (state_ == State::passed) {
    for (const Bytes segment : inner) out.append(segment);
  }
  return state_;
}

void ProxyHeader::close(Buffer& /*out*/) {}

void ProxyHeader::tell(PeerFacts& facts) const {
  if (address_ && state_ == State::passed) facts.address = address_;
}

void ProxyHeader::take(std::uint8_t byte) {
  switch (step_) {
    case Step::first:
      if (byte == static_cast<std::uint8_t>(kTextStart.front())) {
        step_ = Step::text;
        check_text(byte);
      } else {
        gather(Step::fixed, kFixed);
        take(byte);
      }
      return;
    case Step::text:
      check_text(byte);
      return;
    case Step::skip:
      if (++size_ == wanted_) go_on();
      return;
    default:
      break;
  }
  if (step_ == Step::fixed && size_ < kSignature.size() &&
      byte != static_cast<std::uint8_t>(kSignature[size_])) {
    fail("no PROXY header");
    return;
  }
  bytes_[size_++] = byte;
  if (size_ != wanted_) return;
  if (step_ == Step::fixed) {
    read_fixed();
  } else if (step_ == Step::addresses) {
    read_addresses();
  } else {
    read_tlv_head();
  }
}

void ProxyHeader::check_text(std::uint8_t byte) {
  if (size_ < kTextStart.size() && byte != static_cast<std::uint8_t>(kTextStart[size_])) {
    fail("no PROXY header");
    return;
  }
  const bool after_cr = size_ != 0 && bytes_[size_ - 1] == '\r';
  if (after_cr != (byte == '\n')) {
    fail("PROXY header does not end in CR LF");
    return;
  }
  bytes_[size_++] = byte;
  if (byte == '\n') {
    read_text();
  } else if (size_ == std::min(most_, kMostText)) {
    fail("PROXY header is too long");
  }
}

/// "PROXY TCP4 192.0.2.1 198.51.100.1 40000 8883\r\n". 2.1
void ProxyHeader::read_text() {
  std::string_view line = as_text(Bytes(bytes_).first(size_ - 2));
  line.remove_prefix(kTextStart.size());
  const auto protocol = next_word(line);
  if (protocol == "UNKNOWN"sv) {  // what follows it is to be ignored
    state_ = State::passed;
    return;
  }
  const bool v6 = protocol == "TCP6"sv;
  if (!v6 && protocol != "TCP4"sv) {
    fail("PROXY header is for another protocol than TCP");
    return;
  }
  const auto source = next_word(line);
  const auto destination = next_word(line);
  const auto source_port = next_word(line);
  const auto destination_port = next_word(line);
  if (!destination_port || !line.empty()) {
    fail("PROXY header has not two addresses and two ports");
    return;
  }
  const auto address = parse_address(*source, v6);
  if (!address || !parse_address(*destination, v6)) {
    fail("PROXY header has an address that is none");
  } else if (!is_port(*source_port) || !is_port(*destination_port)) {
    fail("PROXY header has a port that is none");
  } else {
    address_ = address;
    state_ = State::passed;
  }
}

/// Signature, version and command, family and transport, length. 2.2
void ProxyHeader::read_fixed() {
  const std::uint8_t version = bytes_[12] >> 4;
  const std::uint8_t command = bytes_[12] & 0xF;
  const std::uint8_t family = bytes_[13];
  left_ = be16(Bytes(bytes_).subspan(14, 2));
  if (version != kVersion2 || (command != kLocal && command != kProxy)) {
    fail("PROXY header has an unknown version or command");
    return;
  }
  if (left_ > most_ || kFixed > most_ - left_) {
    fail("PROXY header is too long");
    return;
  }
  if (command == kLocal || family == kUnspecified) {
    skip(left_);
    return;
  }
  const std::size_t block = family == kTcp4         ? kV4Block
                            : family == kTcp6       ? kV6Block
                            : family == kUnixStream ? kUnixBlock
                                                    : 0;
  if (block == 0) {
    fail("PROXY header is for another protocol than TCP");
  } else if (block > left_) {
    fail("PROXY header is too short for its addresses");
  } else {
    has_tlvs_ = true;
    if (family == kUnixStream) {
      skip(block);
    } else {
      gather(Step::addresses, block);
    }
  }
}

void ProxyHeader::read_addresses() {
  if (wanted_ == kV6Block) {
    address_.emplace();
    std::copy_n(bytes_.begin(), address_->bytes.size(), address_->bytes.begin());
  } else {
    address_ = IpAddress::from_v4({bytes_[0], bytes_[1], bytes_[2], bytes_[3]});
  }
  go_on();
}

void ProxyHeader::read_tlv_head() {
  const std::size_t size = be16(Bytes(bytes_).subspan(1, 2));
  if (size > left_) {
    fail("PROXY header has an extension that is longer than the header");
  } else {
    skip(size);
  }
}

void ProxyHeader::gather(Step step, std::size_t bytes) {
  step_ = step;
  size_ = 0;
  wanted_ = bytes;
  // The length counts from behind the fixed part.
  if (step != Step::fixed) left_ -= bytes;
}

void ProxyHeader::skip(std::size_t bytes) {
  gather(Step::skip, bytes);
  if (bytes == 0) go_on();
}

void ProxyHeader::go_on() {
  if (left_ == 0) {
    state_ = State::passed;
  } else if (has_tlvs_ && left_ >= kTlvHead) {
    gather(Step::tlv_head, kTlvHead);
  } else {
    fail("PROXY header has bytes that are no extension");
  }
}

void ProxyHeader::fail(std::string_view why) {
  failure_ = {Check::proxy_header, why};
  state_ = State::failed;
}

}  // namespace sallyport::transport
