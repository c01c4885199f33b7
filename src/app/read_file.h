#pragma once

#include <cstddef>
#include <string>

#include "sallyport/bytes.h"

namespace sallyport::app {

/// Appends the first `most` bytes of a regular file. Returns 0, or an errno; EINVAL: it is another
/// kind of file, which is never waited for. What it holds may be a secret: wipe `into`.
[[nodiscard]] int read_file(const std::string& path, std::size_t most, Buffer& into);

}  // namespace sallyport::app
