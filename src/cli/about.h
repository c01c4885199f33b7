#pragma once

#include <span>

namespace sallyport::cli {

/// One part of what `--help` and the manual say behind the commands.
struct Section {
  const char* title;
  const char* text;  // lines as they are
};

/// What the program is, in lines.
[[nodiscard]] const char* about();

[[nodiscard]] std::span<const Section> sections();

}  // namespace sallyport::cli
