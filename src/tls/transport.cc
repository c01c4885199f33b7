#include "tls/transport.h"

#include <algorithm>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/ssl.h>

namespace sallyport::tls {
namespace {

int read_in(BIO* bio, char* to, int length) {
  BIO_clear_retry_flags(bio);
  auto* transport = static_cast<Transport*>(BIO_get_data(bio));
  if (transport == nullptr || length <= 0) return -1;
  if (transport->in.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken = std::min(static_cast<std::size_t>(length), transport->in.size());
  std::memcpy(to, transport->in.data(), taken);
  transport->in = transport->in.subspan(taken);
  return static_cast<int>(taken);
}

int write_out(BIO* bio, const char* from, int length) {
  BIO_clear_retry_flags(bio);
  auto* transport = static_cast<Transport*>(BIO_get_data(bio));
  if (transport == nullptr || transport->out == nullptr || length <= 0) return -1;
  transport->out->append(
      {reinterpret_cast<const std::uint8_t*>(from), static_cast<std::size_t>(length)});
  return length;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

}  // namespace

bssl::UniquePtr<BIO_METHOD> make_bio_method() {
  bssl::UniquePtr<BIO_METHOD> method(BIO_meth_new(0, nullptr));
  if (method == nullptr || BIO_meth_set_read(method.get(), read_in) != 1 ||
      BIO_meth_set_write(method.get(), write_out) != 1 ||
      BIO_meth_set_ctrl(method.get(), control) != 1 ||
      BIO_meth_set_create(method.get(), create) != 1) {
    return nullptr;
  }
  return method;
}

Attached::Attached(SSL* ssl, Transport& transport) : bio_(SSL_get_rbio(ssl)) {
  BIO_set_data(bio_, &transport);
}

Attached::~Attached() { BIO_set_data(bio_, nullptr); }

Transport* transport_of(const SSL* ssl) {
  return static_cast<Transport*>(BIO_get_data(SSL_get_rbio(ssl)));
}

}  // namespace sallyport::tls
