#pragma once

#include <span>

#include "app/commands.h"

/// Admin commands about the sessions of a running gateway.
namespace sallyport::app {

/// sessions, kick. Static storage.
[[nodiscard]] std::span<const AdminCommand> session_commands();

}  // namespace sallyport::app
