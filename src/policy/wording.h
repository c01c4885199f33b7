#pragma once

#include <span>
#include <string>
#include <string_view>

/// How error messages of the compiler quote what an operator wrote.
namespace sallyport::policy {

/// The text in double quotes; bytes that do not print are shown as \xHH, and what is longer than a
/// line is cut, so that a message never breaks the terminal it is shown on.
[[nodiscard]] std::string quoted(std::string_view text);

/// "did you mean "x"? " where one of `candidates` is close enough to `text`, else empty.
[[nodiscard]] std::string did_you_mean(std::string_view text,
                                       std::span<const std::string_view> candidates);

}  // namespace sallyport::policy
