#include "cli/manual.h"

#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/about.h"
#include "cli/option_info.h"

namespace sallyport::cli {

namespace {

/// A text as roff has it: hyphens that can be copied, and no line that is taken for a request.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool begins = result.empty() || result.back() == '\n';
    if (begins && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

std::string options(const CLI::App& app) {
  std::string text;
  for (const OptionInfo& option : options_of(app)) {
    text += ".TP\n";
    std::string names;
    for (const std::string& name : option.names) {
      if (!names.empty()) names += ", ";
      names += bold(name);
    }
    text += names;
    if (!option.value.empty()) text += " \\fI" + escaped(option.value) + "\\fR";
    text += "\n" + escaped(option.help) + ".\n";
  }
  return text;
}

}  // namespace

std::string manual(const CLI::App& app, const BuildInfo& build) {
  std::string page = ".\\\" As `sallyport manual` prints it.\n.TH SALLYPORT 1 \"\" \"sallyport " +
                     std::string(build.version) + "\" \"User Commands\"\n";
  page += ".SH NAME\nsallyport \\- transparent MQTT security gateway\n";
  page += ".SH SYNOPSIS\n" + bold("sallyport") + " \\fIcommand\\fR [\\fIoptions\\fR]\n.br\n" +
          bold("sallyport --version") + "\n";
  page += ".SH DESCRIPTION\n" + escaped(about()) + "\n";
  page += ".SH OPTIONS\n" + options(app);
  page += ".SH COMMANDS\n";
  for (const CLI::App* command : commands_of(app)) {
    page += ".SS " + bold(command->get_name()) + "\n" + escaped(command->get_description()) +
            ".\n" + options(*command);
  }
  for (const Section& section : sections()) {
    page += ".SH " + upper(escaped(section.title)) + "\n.nf\n" + escaped(section.text) + "\n.fi\n";
  }
  page += ".SH SEE ALSO\n.BR gateway.toml (5),\n.BR sallyport-policy (5)\n";
  return page;
}

}  // namespace sallyport::cli
