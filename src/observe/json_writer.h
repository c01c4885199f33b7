#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::observe {

/// Writes JSON behind what a string holds already, member by member, without a tree in between:
/// an audit line costs what its bytes cost. Commas are the writer's, the nesting is the caller's.
///
/// Whatever a text holds, what a reader sees is all there is: hidden characters (is_hidden()) are
/// escaped, and what is not UTF-8 becomes U+FFFD. Keys and words are the program's own, written
/// as they are. Never throws but for want of memory.
class JsonWriter final {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }

  void key(std::string_view name);
  void text(std::string_view value);
  /// A word of the program's own, which is written as it is, as keys are.
  void word(std::string_view value);
  void number(std::uint64_t value);
  /// The shortest decimal that is read as the same number; what is not finite is null. RFC 8259, 6
  void real(double value);
  /// A number of thousandths as a decimal fraction: 61,234 as 61.234, 2,000 as 2.0.
  void thousandths(std::uint64_t value);
  void boolean(bool value);

  void field(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  void field(std::string_view name, std::uint64_t value) {
    key(name);
    number(value);
  }

 private:
  void begin(char bracket);
  void end(char bracket);
  void separate();
  template <bool kIsKey>
  void quoted(std::string_view text);

  std::string& out_;
  bool first_ = true;  // nothing stands before the next value in its object or array
};

}  // namespace sallyport::observe
