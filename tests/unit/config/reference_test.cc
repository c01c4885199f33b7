// policies/README.md says of gateway.toml what the tables of keys say: every key, its default, what
// is accepted, and whether a change needs a restart; and it names no key that is none.

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "config/gateway_file.h"
#include "files.h"

namespace sallyport::config {
namespace {

/// A row of a Markdown table, as the page says it.
struct Row {
  std::string path;
  std::string what;
  std::string value;
  std::string accepted;
  std::string last;
};

std::string trimmed(std::string text) {
  const auto first = text.find_first_not_of(' ');
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string without(std::string text, std::string_view characters) {
  std::erase_if(text, [&](char c) { return characters.find(c) != characters.npos; });
  return text;
}

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> result;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) result.push_back(trimmed(cell));
  return result;
}

/// "`tls.certificate`, `tls.key`" below "### `[broker]`" as "broker.tls.certificate",
/// "broker.tls.key";
/// "`[log] level`" as "log.level".
std::vector<std::string> paths(const std::string& cell, const std::string& section) {
  std::vector<std::string> result;
  std::istringstream in(cell);
  for (std::string name; std::getline(in, name, ',');) {
    name = without(name, "`");
    name = trimmed(name);
    if (name.starts_with('[')) {
      const auto end = name.find(']');
      result.push_back(name.substr(1, end - 1) + "." + trimmed(name.substr(end + 1)));
    } else {
      result.push_back(section + "." + name);
    }
  }
  return result;
}

/// The rows of all tables from the heading "# gateway.toml" on whose first column is a key.
std::vector<Row> rows_of(std::istream& page) {
  std::vector<Row> rows;
  std::string section;
  bool inside = false;
  bool keys = false;
  for (std::string line; std::getline(page, line);) {
    if (line == "# gateway.toml") inside = true;
    if (!inside || line.empty()) keys = false;
    if (!inside) continue;
    if (line.starts_with("### ")) section = without(line.substr(4), "`[]");
    if (line.starts_with("| key |")) keys = true;
    if (!keys || !line.starts_with("| `")) continue;
    const auto columns = cells(line);
    if (columns.size() < 4) {
      rows.emplace_back().path = "a row with too few columns: " + line;
      continue;
    }
    for (const std::string& path : paths(columns[0], section)) {
      rows.push_back({path, columns[1], without(columns[2], "`"), without(columns[3], "`"),
                      columns.size() > 4 ? columns[4] : ""});
    }
  }
  return rows;
}

/// The options of a file that says nothing but that there is a listener.
std::vector<KeyInfo> keys() {
  GatewayOptions options;
  options.listeners.emplace_back();
  return list_gateway_keys(options);
}

/// What is wrong with a page, one line for each thing.
std::vector<std::string> differences(std::istream& page) {
  std::vector<std::string> wrong;
  std::map<std::string, Row> rows;
  for (Row& row : rows_of(page)) {
    const std::string path = row.path;
    if (!rows.emplace(path, std::move(row)).second) wrong.push_back(path + " stands there twice");
  }
  for (const KeyInfo& key : keys()) {
    // The keys of `limits` are explained once.
    if (key.path.starts_with("listener.limits.")) continue;
    const auto found = rows.find(key.path);
    if (found == rows.end()) {
      wrong.push_back(key.path + " is missing");
      continue;
    }
    const Row row = found->second;
    rows.erase(found);
    const auto differ = [&](const std::string& what, const std::string& said,
                            const std::string& is) {
      if (said != is)
        wrong.push_back(key.path + ": " + what + " \"" + said + "\", not \"" + is + "\"");
    };
    differ("the default is said to be", row.value, key.required || key.is_table ? "" : key.value);
    differ("accepted is said to be", without(row.accepted, ","), without(key.accepted, ","));
    if (row.what.starts_with("Required.") != key.required) {
      wrong.push_back(key.path + ": whether it is required is wrong");
    }
    if (!key.path.starts_with("limits.") &&
        (row.last == "restart") != (key.change != Change::reload)) {
      wrong.push_back(key.path + ": whether it needs a restart is wrong");
    }
  }
  for (const auto& [path, row] : rows) wrong.push_back(path + " is no key");
  return wrong;
}

std::string contents(const std::string& path) {
  std::ifstream in(SALLYPORT_SOURCE + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string page() { return contents("/policies/README.md"); }

std::vector<std::string> differences(const std::string& text) {
  std::istringstream in(text);
  return differences(in);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  REQUIRE(at != text.npos);
  return text.replace(at, what.size(), by);
}

TEST_CASE("the reference says of every key of gateway.toml what the tables say") {
  for (const std::string& line : differences(page())) FAIL_CHECK(line);
  CHECK(keys().size() > 50);
}

TEST_CASE("a page that is wrong is found out") {
  const std::string good = page();
  struct Change {
    std::string_view what;
    std::string_view by;
    std::string_view found;
  };
  const Change changes[] = {
      {"| `max_filters` |", "| `max_filter` |", "limits.max_filters is missing"},
      {"| `max_filters` |", "| `max_filter` |", "limits.max_filter is no key"},
      {"| `[workers] count` |", "| `[worker] count` |", "worker.count is no key"},
      {"| `10000` | 1 to 10,000,000 |", "| `10001` | 1 to 10,000,000 |", "the default is said"},
      {"| `10000` | 1 to 10,000,000 |", "| `10000` | 0 to 10,000,000 |", "accepted is said"},
      {"| `\"16 KiB\"` | 128 B to 1 MiB |", "| `\"16 KB\"` | 128 B to 1 MiB |", "the default is"},
      {"| `\"5 s\"` | 100 ms to 10 min |", "| `\"5 s\"` | 1 ms to 10 min |", "accepted is said"},
      {"`\"none\"`, `\"optional\"`, `\"required\"` |", "`\"none\"`, `\"required\"` |",
       "listener.tls.client_certificate: accepted"},
      {"| one per core | 1 to 256 | restart |", "| one per core | 1 to 256 | |", "a restart is"},
      {"Required. List of files;", "List of files;", "policy.files: whether it is required"},
      {"| `tls.ca` |", "| `tls.server_name` |", "broker.tls.server_name stands there twice"},
  };
  for (const Change& change : changes) {
    CAPTURE(change.what);
    const auto wrong = differences(replaced(good, change.what, change.by));
    CHECK(std::any_of(wrong.begin(), wrong.end(), [&](const std::string& line) {
      return line.find(change.found) != line.npos;
    }));
  }
}

TEST_CASE("the fuzzers' dictionary has every key") {
  const std::string dictionary = contents("/tests/fuzz/toml.dict");
  for (const std::string& path : test::known_paths()) {
    const std::string key = path.substr(path.find_last_of('.') + 1);
    if (key.ends_with(']')) continue;
    CAPTURE(path);
    const bool known = dictionary.find("\"" + key + "\"") != std::string::npos ||
                       dictionary.find("\"" + key + " = ") != std::string::npos ||
                       dictionary.find("[" + key + "]") != std::string::npos ||
                       dictionary.find("." + key + "]") != std::string::npos;
    CHECK(known);
  }
}

}  // namespace
}  // namespace sallyport::config
