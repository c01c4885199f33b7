#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "admin/reply.h"

/// How commands describe themselves. The table of them is the composition root's (app/commands.h),
/// for what they do they do to the running gateway, which this folder does not know.
namespace sallyport::admin {

/// One argument that a command takes.
struct Argument {
  enum class Kind : std::uint8_t { text, number, flag };
  const char* name;
  Kind kind;
  const char* help;
  bool required = false;
};

struct Command {
  const char* name;
  const char* help;
  std::span<const Argument> arguments;  // static storage
};

/// Returns what is wrong with the arguments of a request: one that the command does not take, is
/// not of its kind, or is missing. Returns "" if nothing is.
[[nodiscard]] std::string check_arguments(const Command& command, const Json& arguments);

}  // namespace sallyport::admin
