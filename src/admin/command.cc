#include "admin/command.h"

#include <algorithm>

namespace sallyport::admin {

namespace {

bool is_of(Argument::Kind kind, const Json& value) {
  switch (kind) {
    case Argument::Kind::text:
      return value.is_string();
    case Argument::Kind::number:
      return value.is_number_unsigned();
    case Argument::Kind::flag:
      return value.is_boolean();
  }
  return false;
}

}  // namespace

std::string check_arguments(const Command& command, const Json& arguments) {
  for (const auto& [name, value] : arguments.items()) {
    const auto row = std::ranges::find_if(
        command.arguments, [&name](const Argument& argument) { return argument.name == name; });
    if (row == command.arguments.end()) {
      return "\"" + name + "\" is not an argument of " + command.name;
    }
    if (!is_of(row->kind, value)) return "\"" + name + "\" is not of its type";
  }
  for (const Argument& argument : command.arguments) {
    if (argument.required && !arguments.contains(argument.name)) {
      return std::string("\"") + argument.name + "\" is missing";
    }
  }
  return {};
}

}  // namespace sallyport::admin
