#include "proxy/failure.h"

#include <uv.h>

namespace sallyport::proxy {

Check broker_check(int error) {
  switch (error) {
    case UV_ECONNREFUSED:
      return Check::broker_refused;
    case UV_ETIMEDOUT:
      return Check::broker_connect_timeout;
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_ENETDOWN:
    case UV_EACCES:
    case UV_EPERM:
      return Check::broker_unreachable;
    case UV_EADDRNOTAVAIL:
    case UV_EADDRINUSE:
      return Check::broker_no_ports;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOMEM:
    case UV_ENOBUFS:
      return Check::broker_no_files;
    case UV_EAI_ADDRFAMILY:
    case UV_EAI_AGAIN:
    case UV_EAI_FAIL:
    case UV_EAI_FAMILY:
    case UV_EAI_NODATA:
    case UV_EAI_NONAME:
    case UV_EAI_SERVICE:
      return Check::broker_name;
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_EPIPE:
      return Check::broker_closed;
    default:
      return Check::broker_error;
  }
}

}  // namespace sallyport::proxy
