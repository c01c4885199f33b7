#include "config/reader.h"

#include <algorithm>

#include "config/suggest.h"
#include "config/units.h"
#include "policy/wording.h"

namespace sallyport::config {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& letter : out) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + 32);
  }
  return out;
}

/// The one of `names` that was probably meant: "warning", "WARN" and "wran" for "warn", "TLSv1.2"
/// for "1.2". Empty: none.
std::string nearest(std::string_view word, std::span<const std::string_view> names) {
  const std::string small = lower(word);
  for (const std::string_view name : names) {
    const bool part = small.find(name) != std::string::npos ||
                      (small.size() > 2 && name.find(small) != std::string_view::npos);
    if (part) return std::string(name);
  }
  const std::string guess = policy::did_you_mean(small, names);  // `did you mean "name"? `
  const std::size_t begin = guess.find('"');
  if (begin == std::string::npos) return "";
  return guess.substr(begin + 1, guess.rfind('"') - begin - 1);
}

}  // namespace

void Problems::add(Position at, std::string message, std::string hint) const {
  list_->push_back({origin(at), std::move(message), std::move(hint)});
}

TableReader::TableReader(Problems problems, const Node& table, std::string where)
    : problems_(problems), table_(&table), where_(std::move(where)) {}

std::string TableReader::named(std::string_view key, const Node& value) const {
  std::string text(key);
  if (!value.written.empty()) text += " = " + value.written;
  return text + " in " + where_;
}

Position TableReader::key_at(std::string_view key) const {
  for (const Member& member : table_->members) {
    if (member.key == key) return member.at;
  }
  return table_->at;
}

bool TableReader::has(std::string_view key) const {
  return std::any_of(table_->members.begin(), table_->members.end(),
                     [key](const Member& member) { return member.key == key; });
}

const Node* TableReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  for (const Member& member : table_->members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

const Node* TableReader::require(std::string_view key, std::string_view hint) {
  if (const Node* value = find(key)) return value;
  problems_.add(table_->at, where_ + " has no \"" + std::string(key) + "\"", std::string(hint));
  return nullptr;
}

void TableReader::wrong_type(std::string_view key, const Node& value, std::string_view wanted,
                             std::string hint) const {
  std::string message(key);
  message += " in " + where_ + " is " + std::string(describe(value.kind));
  if (value.kind != Node::Kind::table && value.kind != Node::Kind::array) {
    message += " (" + value.written + ")";
  }
  problems_.add(value.at, message + ", not " + std::string(wanted), std::move(hint));
}

std::optional<Text> TableReader::string(std::string_view key, std::string_view hint) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Node::Kind::string) {
    wrong_type(key, *value, "a string", std::string(hint));
    return std::nullopt;
  }
  if (value->text.empty()) {
    problems_.add(value->at, std::string(key) + " in " + where_ + " is empty",
                  "write a value, or delete the line");
    return std::nullopt;
  }
  return Text{value->text, value->at};
}

std::vector<Text> TableReader::strings(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return {};
  if (value->kind != Node::Kind::string && value->kind != Node::Kind::array) {
    wrong_type(key, *value, "a string or an array of strings", "write \"x\" or [\"x\", \"y\"]");
    return {};
  }
  std::vector<Text> texts;
  const std::span<const Node> items =
      value->kind == Node::Kind::string ? std::span(value, 1) : std::span(value->items);
  if (items.empty()) {
    problems_.add(value->at, std::string(key) + " in " + where_ + " is empty",
                  "write at least one item, or delete the line");
  }
  for (const Node& item : items) {
    if (item.kind != Node::Kind::string) {
      wrong_type(key, item, "a string", "write \"x\" or [\"x\", \"y\"]");
    } else if (item.text.empty()) {
      problems_.add(item.at, std::string(key) + " in " + where_ + " holds an empty string",
                    "write a value, or delete it");
    } else {
      texts.push_back({item.text, item.at});
    }
  }
  return texts;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Node::Kind::boolean) {
    wrong_type(key, *value, "a boolean", "write true or false, without quotes");
    return std::nullopt;
  }
  return value->boolean;
}

std::optional<std::uint64_t> TableReader::integer(std::string_view key, std::uint64_t least,
                                                  std::uint64_t most) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  const std::string range = "accepted: " + std::to_string(least) + " to " + std::to_string(most);
  if (value->kind != Node::Kind::integer) {
    const bool quoted = value->kind == Node::Kind::string && is_number(value->text);
    wrong_type(key, *value, "an integer",
               quoted ? "write " + value->text + ", without quotes; " + range : range);
    return std::nullopt;
  }
  if (!value->integer || std::cmp_less(*value->integer, least) ||
      std::cmp_greater(*value->integer, most)) {
    problems_.add(value->at, named(key, *value) + " is out of range", range);
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*value->integer);
}

const Node* TableReader::find_unit(std::string_view key, std::string_view wanted,
                                   const std::string& hint) {
  const Node* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->kind == Node::Kind::string) return value;
  if (value->kind == Node::Kind::integer || value->kind == Node::Kind::floating) {
    problems_.add(value->at, named(key, *value) + " has no unit", hint);
  } else {
    wrong_type(key, *value, wanted, hint);
  }
  return nullptr;
}

std::optional<std::uint64_t> TableReader::size(std::string_view key, std::uint64_t least,
                                               std::uint64_t most) {
  const std::string hint = "write a size such as \"64 KiB\"; accepted: " + format_size(least) +
                           " to " + format_size(most);
  const Node* value = find_unit(key, "a size", hint);
  if (value == nullptr) return std::nullopt;
  const auto bytes = parse_size(value->text);
  if (!bytes) {
    problems_.add(value->at, named(key, *value) + " " + bytes.error(), hint);
    return std::nullopt;
  }
  if (*bytes < least || *bytes > most) {
    problems_.add(value->at, named(key, *value) + " is out of range", hint);
    return std::nullopt;
  }
  return *bytes;
}

std::optional<Duration> TableReader::duration(std::string_view key, Duration least, Duration most) {
  const std::string hint =
      "write a duration such as \"10 s\"; accepted: " + format_duration(least) + " to " +
      format_duration(most);
  const Node* value = find_unit(key, "a duration", hint);
  if (value == nullptr) return std::nullopt;
  const auto duration = parse_duration(value->text);
  if (!duration) {
    problems_.add(value->at, named(key, *value) + " " + duration.error(), hint);
    return std::nullopt;
  }
  if (*duration < least || *duration > most) {
    problems_.add(value->at, named(key, *value) + " is out of range", hint);
    return std::nullopt;
  }
  return *duration;
}

std::optional<Rate> TableReader::rate(std::string_view key, bool bytes) {
  const std::uint64_t most = bytes ? kMostBytes : kMostMessages;
  const std::string hint = bytes ? "write a rate such as \"64 KiB/s\"; accepted: 1 B to " +
                                       format_size(most) + " per s, min or h"
                                 : "write a rate such as \"20/s\" or \"100/min\"; accepted: 1 to " +
                                       std::to_string(most) + " per s, min or h";
  const Node* value = find_unit(key, "a rate", hint);
  if (value == nullptr) return std::nullopt;
  const auto rate = bytes ? parse_byte_rate(value->text) : parse_rate(value->text);
  if (!rate) {
    problems_.add(value->at, named(key, *value) + " " + rate.error(), hint);
    return std::nullopt;
  }
  if (rate->count < 1 || rate->count > most) {
    problems_.add(value->at, named(key, *value) + " is out of range", hint);
    return std::nullopt;
  }
  return *rate;
}

std::optional<Rate> TableReader::message_rate(std::string_view key) { return rate(key, false); }
std::optional<Rate> TableReader::byte_rate(std::string_view key) { return rate(key, true); }

std::optional<std::size_t> TableReader::choice(std::string_view key,
                                               std::span<const std::string_view> names) {
  std::string accepted;
  for (const std::string_view name : names) {
    accepted += (accepted.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Node::Kind::string) {
    wrong_type(key, *value, "a string", "accepted: " + accepted);
    return std::nullopt;
  }
  const auto found = std::find(names.begin(), names.end(), value->text);
  if (found == names.end()) {
    const std::string guess = nearest(value->text, names);
    problems_.add(
        value->at, named(key, *value) + " is not known",
        (guess.empty() ? "" : "did you mean \"" + guess + "\"? ") + "accepted: " + accepted);
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::optional<TableReader> TableReader::table(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Node::Kind::table) {
    const bool repeated = value->kind == Node::Kind::array;
    wrong_type(key, *value, "a table",
               repeated ? "it may stand once: write [" + std::string(key) + "] in single brackets"
                        : "write it as { key = value } or under a [header]");
    return std::nullopt;
  }
  TableReader inner(problems_, *value, std::string(key) + " of " + where_);
  inner.outer_ = expected_;
  inner.outer_where_ = where_;
  return inner;
}

std::vector<const Node*> TableReader::tables(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return {};
  if (value->kind != Node::Kind::array) {
    // [[role.allow]] without a [[role]] before it makes `role` a table.
    const bool is_implied =
        !value->members.empty() &&
        std::all_of(value->members.begin(), value->members.end(), [](const Member& member) {
          return member.value.kind == Node::Kind::array && !member.value.items.empty() &&
                 member.value.items[0].kind == Node::Kind::table;
        });
    // [listener.devices]: the name stands in the header.
    const bool is_named = value->kind == Node::Kind::table && !value->members.empty() &&
                          std::ranges::all_of(value->members, [](const Member& member) {
                            return member.value.kind == Node::Kind::table;
                          });
    const std::string name(key);
    const std::string header =
        where_.starts_with("[[") ? where_.substr(2, where_.find(']') - 2) + "." + name : name;
    wrong_type(key, *value, "an array of tables",
               is_implied ? "write [[" + name + "]] with its name above [[" + name + "." +
                                value->members[0].key + "]]"
               : is_named
                   ? "write [[" + name + "]] and below it name = \"" + value->members[0].key + "\""
                   : "write its header in double brackets: [[" + header + "]]");
    return {};
  }
  std::vector<const Node*> tables;
  for (const Node& item : value->items) {
    if (item.kind == Node::Kind::table) {
      tables.push_back(&item);
    } else {
      wrong_type(key, item, "a table", "write a [[header]] for each");
    }
  }
  return tables;
}

void TableReader::finish() {
  for (const Member& member : table_->members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    problems_.add(member.at, "unknown key \"" + member.key + "\" in " + where_, hint_for(member));
  }
}

std::string TableReader::hint_for(const Member& unknown) const {
  if (std::find(outer_.begin(), outer_.end(), unknown.key) != outer_.end()) {
    return "it is a key of " + outer_where_ +
           "; what stands below a header belongs to that table, so write it above the header";
  }
  for (const auto& [key, hint] : explained_) {
    if (key == unknown.key) return hint;
  }
  std::string hint = suggest(unknown.key, known_);
  // drain.timeout = "10 s" below [policy]
  if (unknown.value.kind == Node::Kind::table && where_.starts_with('[')) {
    hint += "; what stands below a header belongs to that table, so write [" + unknown.key +
            "] in a line of its own for a section of that name";
  }
  return hint;
}

}  // namespace sallyport::config
