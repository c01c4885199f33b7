#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sallyport/policy.h"

#include "policy/pattern.h"

namespace sallyport::policy {

/// What is wrong with a RateSpec; `key` is "limit" or "limits", for the messages.
void check_rate(const RateSpec& spec, std::string_view key, std::vector<Problem>& problems);

/// A RateSpec that check_rate() found nothing wrong with, with its defaults filled in.
[[nodiscard]] RateLimit to_limit(const RateSpec& spec, std::string name, bool is_rule);

}  // namespace sallyport::policy
