#include "config/suggest.h"

#include "policy/wording.h"

namespace sallyport::config {

std::string suggest(std::string_view word, std::span<const std::string_view> names) {
  std::string guess = policy::did_you_mean(word, names);
  while (guess.ends_with(' ')) guess.pop_back();
  if (!guess.empty()) return guess;

  std::string all;
  for (const std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
  return all.empty() ? "nothing is accepted here" : "accepted here: " + all;
}

}  // namespace sallyport::config
