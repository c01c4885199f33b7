#include "config/suggest.h"

#include "config/habits.h"
#include "policy/wording.h"

namespace sallyport::config {

std::string suggest(std::string_view word, std::span<const std::string_view> names) {
  if (const std::string_view ours = other_name(word, names); !ours.empty()) {
    return "did you mean \"" + std::string(ours) + "\"?";
  }
  std::string guess = policy::did_you_mean(word, names);
  while (guess.ends_with(' ')) guess.pop_back();
  if (!guess.empty()) return guess;

  std::string all;
  for (const std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
  return all.empty() ? "nothing is accepted here" : "accepted here: " + all;
}

}  // namespace sallyport::config
