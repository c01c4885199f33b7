#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/reader.h"
#include "config/values.h"

/// Tables of keys: what a table of a file may hold. Reading, "did you mean", the reference's check,
/// and the question whether a change needs a restart all go by them.
namespace sallyport::config {

/// When a change of a key takes effect.
enum class Change : std::uint8_t {
  reload,
  restart,
  rebind,  // restart, and proxy::Server::reload() says so in better words
};

/// One key of a table that fills a T. Its default is what T's initializer says.
template <typename T>
struct Key {
  std::string_view name;
  std::variant<Count<T>, Size<T>, Seconds<T>, Time<T>, Letters<T>, Refusal<T>, Flag<T>, Choice<T>,
               MessageRate<T>, Name<T>, HostName<T>, Path<T>, Output<T>, Globs<T>, Prefixes<T>,
               References<T>, Fingerprints<T>, Address<T>, Table<T>>
      value;
  Change change = Change::reload;
  /// How to write it, where it has to be there; empty: it may be left out.
  std::string_view required = {};
  /// What holds without it, where the initializer does not say that in words: "no limit".
  std::string_view otherwise = {};
};

/// One key as the reference shows it, with the value that some options have.
struct KeyInfo {
  std::string path;      // "broker.tls.ca"; "listener.name"
  std::string owner;     // the name of the [[listener]]; empty for keys of other tables
  std::string value;     // as a file would say it; Key::otherwise where it is the default
  std::string accepted;  // "1 to 256"; empty for free text and tables
  std::string file;      // where the value is a file that is read: which one
  std::vector<std::string> patterns;  // where it is patterns of such files
  bool required = false;
  bool is_table = false;
  Change change = Change::reload;
};

/// Reads all keys of `keys` that are there. Does not call finish().
template <typename T>
void read_keys(TableReader& table, std::span<const Key<T>> keys, T& into) {
  for (const Key<T>& key : keys) table.expect(key.name);
  for (const Key<T>& key : keys) {
    if (!key.required.empty()) table.require(key.name, key.required);
    std::visit([&](const auto& value) { value.read(table, key.name, into); }, key.value);
  }
}

/// Appends what `from` says under each key. `path` is that of the table, with a dot behind it.
template <typename T>
void list_keys(std::span<const Key<T>> keys, const T& from, const std::string& path,
               std::vector<KeyInfo>& out) {
  static const T kDefaults{};
  for (const Key<T>& key : keys) {
    KeyInfo info;
    info.path = path + std::string(key.name);
    info.required = !key.required.empty();
    info.change = key.change;
    std::visit(
        [&](const auto& value) {
          info.value = value.show(from);
          info.accepted = value.accepted();
          if (!key.otherwise.empty() && info.value == value.show(kDefaults)) {
            info.value = key.otherwise;
          }
        },
        key.value);
    if (const auto* file = std::get_if<Path<T>>(&key.value)) info.file = from.*file->field;
    if (const auto* files = std::get_if<Globs<T>>(&key.value)) info.patterns = from.*files->field;
    const auto* table = std::get_if<Table<T>>(&key.value);
    info.is_table = table != nullptr;
    out.push_back(std::move(info));
    if (table != nullptr) table->list(from, path + std::string(key.name) + ".", out);
  }
}

}  // namespace sallyport::config
