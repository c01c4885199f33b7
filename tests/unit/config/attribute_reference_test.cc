// The tables of policies/README.md about match keys and placeholders against kAttributes.
#include <fstream>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "sallyport/attributes.h"

namespace sallyport::config {
namespace {

using Names = std::set<std::string>;

/// The texts in backquotes that begin the rows of the table with this header.
Names first_column(const std::string& header) {
  std::ifstream file(SALLYPORT_SOURCE "/policies/README.md");
  REQUIRE(file.is_open());
  Names names;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == header) {
      REQUIRE(names.empty());  // there is one such table
      inside = true;
    } else if (!line.starts_with("|")) {
      inside = false;
    } else if (inside && line.starts_with("| `")) {
      names.insert(line.substr(3, line.find('`', 3) - 3));
    }
  }
  return names;
}

TEST_CASE("the reference names every match key and every placeholder, and no other") {
  Names keys;
  Names placeholders;
  for (const Attribute& row : kAttributes) {
    keys.insert(std::string(row.match));
    if (!row.placeholder.empty()) placeholders.insert("${" + std::string(row.placeholder) + "}");
  }
  CHECK(first_column("| key | is held against |") == keys);
  CHECK(first_column("| placeholder | value |") == placeholders);
}

}  // namespace
}  // namespace sallyport::config
