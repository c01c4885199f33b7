#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <string.h>  // explicit_bzero

namespace sallyport {

/// Bytes that somebody else owns. Who, and for how long, is said where one is passed.
using Bytes = std::span<const std::uint8_t>;

[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// A growable run of bytes that, unlike std::vector, does not write zeros into room that is about
/// to be overwritten by read() or a decoder. Move-only. No limit of its own: callers check theirs
/// before they ask for room.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer gone(std::move(other));
    swap(gone);
    return *this;
  }

  [[nodiscard]] Bytes bytes() const { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// Room for at least `n` bytes behind the end; what is written there counts after commit().
  [[nodiscard]] std::span<std::uint8_t> prepare(std::size_t n) {
    if (capacity_ - size_ < n) grow(n);
    return {data_.get() + size_, capacity_ - size_};
  }
  void commit(std::size_t n) { size_ += n; }

  void append(Bytes bytes) {
    if (bytes.empty()) return;
    std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void push_back(std::uint8_t byte) {
    prepare(1)[0] = byte;
    ++size_;
  }

  /// Forgets the contents and keeps the memory.
  void clear() { size_ = 0; }
  /// Forgets the first `n` bytes (n <= size()).
  void consume(std::size_t n) {
    size_ -= n;
    if (size_ != 0) std::memmove(data_.get(), data_.get() + n, size_);
  }
  /// Forgets all but the first `n` bytes (n <= size()).
  void truncate(std::size_t n) { size_ = n; }
  /// Overwrites everything that was ever in this memory, then gives it back: for secrets. (Memory
  /// that the buffer outgrew was overwritten then.)
  void wipe() {
    if (data_) explicit_bzero(data_.get(), capacity_);
    release();
  }
  /// Gives the memory back: an idle connection owns none.
  void release() {
    data_.reset();
    size_ = capacity_ = 0;
  }

  void swap(Buffer& other) noexcept {
    data_.swap(other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void grow(std::size_t n) {
    std::size_t wanted = capacity_ * 2;
    if (wanted < size_ + n) wanted = size_ + n;
    std::unique_ptr<std::uint8_t[]> bigger(new std::uint8_t[wanted]);
    if (size_ != 0) std::memcpy(bigger.get(), data_.get(), size_);
    if (data_) explicit_bzero(data_.get(), capacity_);  // it may hold a secret
    data_ = std::move(bigger);
    capacity_ = wanted;
  }

  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sallyport
