#pragma once

#include "sallyport/checks.h"

namespace sallyport::proxy {

/// The name of what went wrong with a connection to the broker. `error` is a libuv error code.
[[nodiscard]] Check broker_check(int error);

}  // namespace sallyport::proxy
