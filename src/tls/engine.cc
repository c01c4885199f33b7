#include "tls/engine.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/errors.h"
#include "tls/transport.h"

namespace sallyport::tls {
namespace {

constexpr std::size_t kGathered = kLargestRecord;  // small segments, at once
constexpr std::size_t kLeastSplit = 512;           // BoringSSL makes no smaller pieces itself
constexpr std::size_t kRecordOverhead = 40;        // TLS 1.3: 22, TLS 1.2: 29; a guess for room
constexpr std::size_t kMaxCall = std::size_t{1} << 30;  // BoringSSL counts in int

/// A name as DNS compares it, in lower case; empty where it is none, since a peer chose the bytes.
std::string host_name(std::string_view name) {
  std::string lower;
  for (const char c : name) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool fits = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9') ||
                      small == '-' || small == '.' || small == '_';
    if (!fits) return {};
    lower += small;
  }
  return lower;
}

}  // namespace

Engine::Engine(Context::Ptr context)
    : context_(std::move(context)), record_(context_->max_record()) {
  ssl_.reset(SSL_new(context_->native()));
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(context_->bio_method_.get());
  if (bio != nullptr) SSL_set_bio(ssl_.get(), bio, bio);
  if (bio == nullptr ||
      (context_->sends_server_name_ &&
       SSL_set_tlsext_host_name(ssl_.get(), context_->server_name().c_str()) != 1)) {
    ERR_clear_error();
    failed_text_ = "out of memory";
    state_ = State::failed;
    return;
  }
  // Frees what only a handshake needs as soon as it is done.
  SSL_set_shed_handshake_config(ssl_.get(), 1);
  if (context_->is_server()) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    SSL_set_enforce_rsa_key_usage(ssl_.get(), context_->enforces_key_usage() ? 1 : 0);
  }
}

Engine::~Engine() = default;

Engine::State Engine::start(Buffer& cipher) {
  if (state_ != State::opening || context_->is_server()) return state_;
  Transport transport{.out = &cipher, .context = context_.get(), .peer = &peer_};
  const Attached attached(ssl_.get(), transport);
  return shake_hands(transport);
}

Engine::State Engine::feed(Bytes in, Buffer& plain, Buffer& cipher) {
  if (state_ == State::failed || state_ == State::peer_closed || in.empty()) return state_;
  Transport transport{.in = in, .out = &cipher, .context = context_.get(), .peer = &peer_};
  const Attached attached(ssl_.get(), transport);
  if (state_ == State::opening && shake_hands(transport) != State::open) return state_;
  const std::size_t before = plain.size();
  if (decrypt(transport, plain) == State::failed) plain.truncate(before);
  return state_;
}

Engine::State Engine::shake_hands(Transport& transport) {
  const int done = SSL_do_handshake(ssl_.get());
  if (transport.record != 0) record_ = std::min(record_, transport.record);
  if (transport.chain_end.time_since_epoch().count() != 0) chain_end_ = transport.chain_end;
  if (done != 1) {
    if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) return state_;
    return fail(transport);
  }
  return state_ = State::open;
}

Engine::State Engine::decrypt(Transport& transport, Buffer& plain) {
  for (std::size_t pending = 0;;) {
    // Enough for what is here: a record is longer than its plaintext. A record that began in an
    // earlier call may hold more; then the rest is pending and gets its room in the next round.
    const auto room = plain.prepare(std::max({pending, transport.in.size(), std::size_t{64}}));
    const int n =
        SSL_read(ssl_.get(), room.data(), static_cast<int>(std::min(room.size(), kMaxCall)));
    if (n <= 0) {
      switch (SSL_get_error(ssl_.get(), n)) {
        case SSL_ERROR_WANT_READ:
          return state_;
        case SSL_ERROR_ZERO_RETURN:
          return state_ = State::peer_closed;
        default:
          return fail(transport);
      }
    }
    plain.commit(static_cast<std::size_t>(n));
    // BoringSSL takes one record at a time, so without either of these there is nothing to find.
    pending = static_cast<std::size_t>(SSL_pending(ssl_.get()));
    if (pending == 0 && transport.in.empty()) return state_;
  }
}

Engine::State Engine::send(std::span<const Bytes> plain, Buffer& cipher) {
  if (state_ != State::open || (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) {
    return state_;
  }
  std::size_t total = 0;
  std::size_t left = 0;  // segments that are not empty
  for (const Bytes segment : plain) {
    total += segment.size();
    if (!segment.empty()) ++left;
  }
  if (total == 0) return state_;
  const std::size_t records = total / record_ + 1;
  static_cast<void>(cipher.prepare(total + records * kRecordOverhead));

  Transport transport{.out = &cipher};
  const Attached attached(ssl_.get(), transport);
  // Small segments are gathered here until they fill a record (or several, where records are
  // small): a copy costs far less than a record does. What is a record by itself, and the last
  // segment, goes to BoringSSL from where it lies.
  const std::size_t whole = kGathered - kGathered % record_;
  std::array<std::uint8_t, kGathered> gathered;
  std::size_t gathered_size = 0;
  for (Bytes segment : plain) {
    if (segment.empty()) continue;
    --left;
    while (!segment.empty()) {
      std::size_t taken = 0;
      if (gathered_size == 0 && (left == 0 || segment.size() >= whole)) {
        taken = left == 0 ? segment.size() : segment.size() - segment.size() % whole;
        if (!encrypt(segment.first(taken))) return fail(transport);
      } else {
        taken = std::min(whole - gathered_size, segment.size());
        std::memcpy(gathered.data() + gathered_size, segment.data(), taken);
        gathered_size += taken;
        if (gathered_size == whole) {
          if (!encrypt(Bytes(gathered).first(whole))) return fail(transport);
          gathered_size = 0;
        }
      }
      segment = segment.subspan(taken);
    }
  }
  if (gathered_size != 0 && !encrypt(Bytes(gathered).first(gathered_size))) return fail(transport);
  return state_;
}

bool Engine::encrypt(Bytes plain) {
  while (!plain.empty()) {
    const std::size_t now = std::min(plain.size(), record_ < kLeastSplit ? record_ : kMaxCall);
    // The BIO takes everything, so BoringSSL never writes a part.
    const int n = SSL_write(ssl_.get(), plain.data(), static_cast<int>(now));
    if (n <= 0) return false;
    plain = plain.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

void Engine::close(Buffer& cipher) {
  if (state_ != State::open && state_ != State::peer_closed) return;
  if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
  Transport transport{.out = &cipher};
  const Attached attached(ssl_.get(), transport);
  static_cast<void>(SSL_shutdown(ssl_.get()));
  ERR_clear_error();
}

Engine::State Engine::fail(const Transport& transport) {
  // The oldest error is the cause, the others say what became of it.
  const Failure why =
      transport.failure.text.empty() ? describe_error(ERR_peek_error()) : transport.failure;
  failed_check_ = why.check;
  failed_text_ = why.text;
  ERR_clear_error();
  return state_ = State::failed;
}

std::shared_ptr<const Certificate> Engine::peer_certificate() const {
  return state_ == State::open || state_ == State::peer_closed ? peer_ : nullptr;
}

std::string_view Engine::version() const {
  if (ssl_ == nullptr || SSL_in_init(ssl_.get()) != 0) return {};
  return SSL_get_version(ssl_.get());
}

void Engine::tell(transport::PeerFacts& facts) const {
  facts.certificate = peer_certificate();
  if (facts.certificate == nullptr) facts.shown = peer_;
  facts.tls_version = version();
  if (facts.tls_version.empty()) return;
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get()); cipher != nullptr) {
    facts.cipher = SSL_CIPHER_standard_name(cipher);
  }
  if (const char* group = SSL_get_curve_name(SSL_get_curve_id(ssl_.get())); group != nullptr) {
    facts.group = group;
  }
  facts.chain_end = chain_end_;
  facts.resumed = SSL_session_reused(ssl_.get()) != 0;
  const std::uint8_t* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  facts.alpn = as_text({protocol, size});
  if (context_->is_server()) {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    facts.sni = host_name(name == nullptr ? "" : name);
  }
}

}  // namespace sallyport::tls
