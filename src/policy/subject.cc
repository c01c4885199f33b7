#include "policy/subject.h"

#include <algorithm>

namespace sallyport::policy {

static_assert(std::ranges::count(kAttributes, true, &Attribute::is_network) == 1,
              "Subject keeps one address");

bool is_usable_value(std::string_view value) {
  return !value.empty() &&
         value.find_first_of(std::string_view("/+#\0", 4)) == std::string_view::npos;
}

Subject::Subject(const Identity& identity) : identity_(identity) {
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    const Attribute& attribute = kAttributes[i];
    const Values values = attribute.values(identity);
    values_[i] = values;
    if (attribute.is_network() && !values.empty()) address_ = parse_address(values.front());
    // Of several values each is looked at when it fits, see fits_any().
    if (!attribute.placeholder.empty() &&
        (values.size() > 1 || (values.size() == 1 && is_usable_value(values.front())))) {
      substitutes_[i] = values;
    }
  }
}

bool fits_any(const ValuePattern& pattern, std::string_view text, Values values) {
  return std::any_of(values.begin(), values.end(), [&](const std::string& value) {
    return fits_value(pattern, text, value) && is_usable_value(value);
  });
}

}  // namespace sallyport::policy
