#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

/// A TOML file as a tree that knows where everything stands. The parser itself (toml11) is named
/// in document.cc only: it is slow to compile, and its tables forget the order and the keys' place.
namespace sallyport::config {

struct Member;

struct Node {
  enum class Kind : std::uint8_t { string, integer, floating, boolean, datetime, array, table };

  Kind kind = Kind::table;
  Position at;                          // of the value; of the header for [table]s
  std::string written;                  // as in the file, shortened; to show in messages
  std::string text;                     // string
  std::optional<std::int64_t> integer;  // integer; empty: does not fit 64 bits
  bool boolean = false;                 // boolean
  std::vector<Node> items;              // array
  std::vector<Member> members;          // table, in the order of the file
};

struct Member {
  std::string key;
  Position at;  // of the key
  Node value;
};

/// "a string", "an array", ... for messages.
[[nodiscard]] std::string_view describe(Node::Kind kind);

/// The root table, or the one syntax error at which reading stopped.
[[nodiscard]] std::expected<Node, Diagnostic> parse(const Source& source);

}  // namespace sallyport::config
