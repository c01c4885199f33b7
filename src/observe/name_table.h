#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sallyport::observe {

/// Names that become label values: rule ids and checks. It holds at most `limit` of
/// them for the life of the process; whatever comes later is "other", so that neither a generated
/// policy nor many reloads can make the number of time series grow without end.
///
/// Thread: any. Looking a known name up only reads; a new name is added with one compare-exchange,
/// which happens once per name and not once per packet. Names are never removed.
class NameTable final {
 public:
  using Id = std::uint16_t;
  static constexpr Id kOther = 0;

  /// `limit` <= 16,000.
  explicit NameTable(std::size_t limit);
  ~NameTable();
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  /// The id of a name, which is added where there is room; else kOther.
  [[nodiscard]] Id id(std::string_view name);
  /// What an id stands for, fit for a label: valid UTF-8, no control characters, at most
  /// kMaxNameLength bytes. Lives as long as the table. kOther is "other".
  [[nodiscard]] std::string_view name(Id id) const;
  /// Every id is below this.
  [[nodiscard]] std::size_t capacity() const { return mask_ + 2; }
  [[nodiscard]] std::size_t size() const { return used_.load(std::memory_order_relaxed); }

  static constexpr std::size_t kMaxNameLength = 128;

 private:
  std::size_t limit_;
  std::size_t mask_;
  std::unique_ptr<std::atomic<const std::string*>[]> slots_;  // open addressing; Id = index + 1
  std::atomic<std::size_t> used_{0};
};

}  // namespace sallyport::observe
