#pragma once

#include <cstdint>

#include "app/assemble.h"
#include "observe/log.h"

/// What an operator should know about a configuration that is good, but may not be meant.
namespace sallyport::app {

/// A listener without TLS that others than this host can reach; an identity that has shown nothing
/// and is admitted; a broker or metrics in the clear across a network; a certificate or CA that
/// ends, TLS below its defaults (tls_warnings()); more connections than this process may have,
/// which is `most_by_files` for want of descriptors.
void warn(const Assembled& assembled, std::uint64_t most_by_files, const observe::Log& log);

/// Raises the limit on open files as far as this process may.
void raise_file_limit();

}  // namespace sallyport::app
