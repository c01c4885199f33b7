#pragma once

#include <cstddef>

#include "app/assemble.h"
#include "observe/log.h"

/// What an operator should know about a configuration that is good, but may not be meant.
namespace sallyport::app {

/// A listener without TLS that others than this host can reach; an identity that has shown nothing
/// and is admitted; a broker or metrics in the clear across a network; a certificate or CA that
/// ends, TLS below its defaults (tls_warnings()); more connections than this process may have.
void warn(const Assembled& assembled, std::size_t workers, const observe::Log& log);

/// A write to a socket whose peer is gone is an error of that socket, not the end of the process.
void ignore_sigpipe();

/// Raises the limit on open files as far as this process may.
void raise_file_limit();

}  // namespace sallyport::app
