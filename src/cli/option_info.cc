#include "cli/option_info.h"

#include <sstream>

#include <CLI/CLI.hpp>

namespace sallyport::cli {

namespace {

/// "{bash,zsh}" is how a row of commands.cc says that there are no other values.
std::vector<std::string> choices_of(const std::string& value) {
  std::vector<std::string> choices;
  if (value.size() < 2 || value.front() != '{' || value.back() != '}') return choices;
  std::istringstream in(value.substr(1, value.size() - 2));
  for (std::string choice; std::getline(in, choice, ',');) choices.push_back(choice);
  return choices;
}

}  // namespace

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<OptionInfo> options_of(const CLI::App& app) {
  std::vector<OptionInfo> all;
  for (const CLI::Option* option : app.get_options()) {
    OptionInfo info;
    for (const std::string& name : option->get_snames()) info.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) info.names.push_back("--" + name);
    info.positional = info.names.empty();
    if (info.positional) info.names.push_back(option->get_name());
    info.help = option->get_description();
    if (option->get_items_expected_max() > 0) info.value = option->get_type_name();
    info.choices = choices_of(info.value);
    all.push_back(std::move(info));
  }
  return all;
}

}  // namespace sallyport::cli
