#pragma once

#include <vector>

#include "sallyport/bytes.h"

namespace sallyport {

/// What one turn wants to send to one side: a list of segments in order. Forwarded bytes are
/// referenced where they were read, and neighbours merge, so a read in which everything is allowed
/// leaves as one segment and one write. Bytes that the gateway makes are copied into the outbox.
///
/// A worker owns one Outbox per side and reuses it for every turn of every connection.
class Outbox final {
 public:
  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Adds bytes by reference; they must stay where they are until clear().
  void reference(Bytes bytes) {
    size_ += bytes.size();
    if (!segments_.empty()) {
      Bytes& last = segments_.back();
      if (last.data() + last.size() == bytes.data()) {
        last = {last.data(), last.size() + bytes.size()};
        return;
      }
    }
    if (!bytes.empty()) segments_.push_back(bytes);
  }
  /// Adds a copy.
  void copy(Bytes bytes);

  /// Valid until the next call that is not const.
  [[nodiscard]] std::span<const Bytes> segments() const { return segments_; }
  /// Total of all segments, in bytes.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// Forgets everything. Keeps one block of memory for the next turn, no more.
  void clear();

 private:
  std::vector<Bytes> segments_;
  std::vector<Buffer> blocks_;  // never reallocated once filled: segments point into them
  std::size_t size_ = 0;
};

}  // namespace sallyport
