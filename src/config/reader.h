#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sallyport/rate.h"

#include "config/document.h"

namespace sallyport::config {

/// Collects what is wrong with one file. Copies share the list; it outlives them.
class Problems {
 public:
  Problems(const std::string& file, Diagnostics& list) : file_(&file), list_(&list) {}

  void add(Position at, std::string message, std::string hint = "") const;
  /// How many there are by now, in all files: more than before means that something was wrong.
  [[nodiscard]] std::size_t count() const { return list_->size(); }
  [[nodiscard]] Origin origin(Position at) const { return {*file_, at.line, at.column}; }
  [[nodiscard]] const std::string& file() const { return *file_; }

 private:
  const std::string* file_;
  Diagnostics* list_;
};

/// A string of the file and where it stands.
using Text = policy::Text;

/// Reads one table key by key. Every key that the table may have is asked for, by the function for
/// its type, whether it is there or not; finish() then reports the keys that nobody asked for. What
/// is wrong goes to Problems, and the answer is then "not there". The node outlives the reader.
class TableReader final {
 public:
  /// `where` is how messages call the table: "[broker]", "tls of [broker]".
  TableReader(Problems problems, const Node& table, std::string where);

  /// Whether the key is there. Does not count it as known.
  [[nodiscard]] bool has(std::string_view key) const;
  /// Counts the key as known. Null: not there.
  [[nodiscard]] const Node* find(std::string_view key);
  /// As find(); reports a missing key with `hint`, which shows how to write it. The function for
  /// the type is called all the same.
  const Node* require(std::string_view key, std::string_view hint);

  /// A string that is not empty.
  [[nodiscard]] std::optional<Text> string(std::string_view key,
                                           std::string_view hint = "write it in \"quotes\"");
  /// One string or an array of at least one, none of them empty.
  [[nodiscard]] std::vector<Text> strings(std::string_view key);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key);
  /// Bounds are inclusive.
  [[nodiscard]] std::optional<std::uint64_t> integer(std::string_view key, std::uint64_t least,
                                                     std::uint64_t most);
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key, std::uint64_t least,
                                                  std::uint64_t most);
  [[nodiscard]] std::optional<Duration> duration(std::string_view key, Duration least,
                                                 Duration most);
  [[nodiscard]] std::optional<Rate> message_rate(std::string_view key);
  [[nodiscard]] std::optional<Rate> byte_rate(std::string_view key);
  /// The index of the value in `names`.
  [[nodiscard]] std::optional<std::size_t> choice(std::string_view key,
                                                  std::span<const std::string_view> names);
  [[nodiscard]] std::optional<TableReader> table(std::string_view key);
  /// The elements of `[[key]]`.
  [[nodiscard]] std::vector<const Node*> tables(std::string_view key);

  /// integer() and size() into a field of any width; the field's own width is a bound, too.
  template <typename T>
  void integer_into(std::string_view key, T& field, std::uint64_t least,
                    std::uint64_t most = std::numeric_limits<T>::max()) {
    static_assert(std::numeric_limits<T>::max() <= std::numeric_limits<std::uint32_t>::max());
    if (most > std::numeric_limits<T>::max()) most = std::numeric_limits<T>::max();
    if (const auto value = integer(key, least, most)) field = static_cast<T>(*value);
  }
  template <typename T>
  void size_into(std::string_view key, T& field, std::uint64_t least,
                 std::uint64_t most = std::numeric_limits<T>::max()) {
    static_assert(std::numeric_limits<T>::max() <= std::numeric_limits<std::uint32_t>::max());
    if (most > std::numeric_limits<T>::max()) most = std::numeric_limits<T>::max();
    if (const auto value = size(key, least, most)) field = static_cast<T>(*value);
  }

  /// Names keys that will be asked for, so that a table inside this one can say of a key that it
  /// belongs out here.
  void expect(std::string_view key) { expected_.push_back(key); }
  /// What to say of a key that nobody asks for, but many write here.
  void explain(std::string_view key, std::string hint) {
    explained_.emplace_back(key, std::move(hint));
  }
  /// Reports the keys that nobody asked for.
  void finish();

  [[nodiscard]] const Problems& problems() const { return problems_; }
  [[nodiscard]] bool empty() const { return table_->members.empty(); }
  [[nodiscard]] Position at() const { return table_->at; }
  [[nodiscard]] const std::string& where() const { return where_; }
  void rename(std::string where) { where_ = std::move(where); }
  /// `max_qos = 7 in [[role.allow]] "x"`, to begin a message with.
  [[nodiscard]] std::string named(std::string_view key, const Node& value) const;
  [[nodiscard]] Position key_at(std::string_view key) const;

 private:
  [[nodiscard]] std::string hint_for(const Member& unknown) const;
  void wrong_type(std::string_view key, const Node& value, std::string_view wanted,
                  std::string hint) const;
  [[nodiscard]] const Node* find_unit(std::string_view key, std::string_view wanted,
                                      const std::string& hint);
  std::optional<Rate> rate(std::string_view key, bool bytes);

  Problems problems_;
  const Node* table_;
  std::string where_;
  std::vector<std::string_view> known_;  // names in the caller's code: static storage
  std::vector<std::string_view> expected_;
  std::vector<std::string_view> outer_;  // what the table around this one expects
  std::string outer_where_;
  std::vector<std::pair<std::string_view, std::string>> explained_;
};

}  // namespace sallyport::config
