#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "observe/http_server.h"

namespace sallyport::observe {

/// A socket that listens on the first usable address that `host` stands for, does not block, and is
/// the caller's to close.
[[nodiscard]] std::expected<int, HttpServer::Failure> listen_for_http(const std::string& host,
                                                                      std::uint16_t port);
/// The port that it is bound to; 0: unknown.
[[nodiscard]] std::uint16_t bound_port(int socket);
/// Does the other end of a connection have a loopback address? False where that is not known.
[[nodiscard]] bool is_local_peer(int socket);

}  // namespace sallyport::observe
