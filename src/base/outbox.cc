#include "sallyport/outbox.h"

namespace sallyport {

namespace {

constexpr std::size_t kBlockSize = 4096;

}  // namespace

void Outbox::copy(Bytes bytes) {
  if (bytes.empty()) return;
  // A block that is full stays as it is, because segments point into it.
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < bytes.size()) {
    Buffer block;
    static_cast<void>(block.prepare(bytes.size() < kBlockSize ? kBlockSize : bytes.size()));
    blocks_.push_back(std::move(block));
  }
  Buffer& block = blocks_.back();
  const std::size_t at = block.size();
  block.append(bytes);
  reference(block.bytes().subspan(at));
}

void Outbox::clear() {
  if (segments_.empty()) return;  // nor is there anything in a block
  segments_.clear();
  size_ = 0;
  if (blocks_.empty()) return;
  if (blocks_.size() > 1 || blocks_.front().capacity() > kBlockSize) {
    blocks_.clear();
  } else {
    blocks_.front().clear();
  }
}

}  // namespace sallyport
