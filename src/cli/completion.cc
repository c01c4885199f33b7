#include "cli/completion.h"

#include <vector>

#include <CLI/CLI.hpp>

#include "cli/option_info.h"

namespace sallyport::cli {

namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// --- bash ---

/// All that may follow behind a command, or behind the program's name.
std::string bash_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* command : commands_of(app)) words.push_back(command->get_name());
  for (const OptionInfo& option : options_of(app)) {
    const auto& more = option.positional ? option.choices : option.names;
    words.insert(words.end(), more.begin(), more.end());
  }
  return joined(words, " ");
}

/// The patterns of a `case` for options of all commands, those of paths or those of other values.
std::string bash_options(const CLI::App& app, bool paths) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) {
    for (const OptionInfo& option : options_of(*command)) {
      if (option.positional || option.value.empty() || option.is_path() != paths) continue;
      for (const std::string& name : option.names) {
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
      }
    }
  }
  return joined(names, " | ");
}

std::string bash(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    cases += "    " + command->get_name() + ") words='" + bash_words(*command) + "' ;;\n";
  }
  return "# bash completion for sallyport, as `sallyport completion bash` prints it.\n"
         "_sallyport() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} command='' words\n"
         "  ((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}\n"
         "  COMPREPLY=()\n"
         "  case ${COMP_WORDS[COMP_CWORD - 1]} in\n"
         "    " +
         bash_options(app, true) +
         ")\n"
         "      compopt -o filenames 2>/dev/null\n"
         "      mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
         "      return\n"
         "      ;;\n"
         "    " +
         bash_options(app, false) +
         ") return ;;\n"
         "  esac\n"
         "  case $command in\n" +
         cases + "    *) words='" + bash_words(app) +
         "' ;;\n"
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "}\n"
         "complete -F _sallyport sallyport\n";
}

// --- zsh ---

/// In single quotes; `special` characters have a meaning for the function that reads it.
std::string zsh_quoted(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// The specifications of _arguments, a line each.
std::string zsh_arguments(const CLI::App& app) {
  std::string text;
  for (const OptionInfo& option : options_of(app)) {
    const std::string help = zsh_quoted(option.help, "[]\\:");
    const std::string choices = "(" + joined(option.choices, " ") + ")";
    if (option.positional) {
      text += " \\\n        '1:" + help + ":" + choices + "'";
      continue;
    }
    std::string value;
    if (!option.value.empty()) value = ":" + option.value + ":";
    if (option.is_path()) value += "_files";
    const std::string names = joined(option.names, ",");
    const bool several = option.names.size() > 1;
    text += " \\\n        ";
    text += several ? "'(" + joined(option.names, " ") + ")'{" + names + "}'" : "'" + names;
    text += "[" + help + "]" + value + "'";
  }
  return text + "\n";
}

std::string zsh(const CLI::App& app) {
  std::string names;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    names +=
        "    '" + command->get_name() + ":" + zsh_quoted(command->get_description(), "\\") + "'\n";
    cases += "    " + command->get_name() + ")\n      _arguments" + zsh_arguments(*command) +
             "      ;;\n";
  }
  return "#compdef sallyport\n"
         "# zsh completion for sallyport, as `sallyport completion zsh` prints it.\n"
         "_sallyport() {\n"
         "  local -a commands=(\n" +
         names +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe -t commands command commands\n"
         "    _arguments" +
         zsh_arguments(app) +
         "    return\n"
         "  fi\n"
         "  shift words\n"
         "  ((CURRENT--))\n"
         "  case $words[1] in\n" +
         cases +
         "  esac\n"
         "}\n"
         "_sallyport \"$@\"\n";
}

}  // namespace

std::optional<std::string> completion(const CLI::App& app, std::string_view shell) {
  if (shell == "bash") return bash(app);
  if (shell == "zsh") return zsh(app);
  return std::nullopt;
}

}  // namespace sallyport::cli
