#include "observe/name_table.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "sallyport/utf8.h"

namespace sallyport::observe {

namespace {

/// One bad byte in a label value would make Prometheus refuse the whole scrape.
std::string label_from(std::string_view text) {
  std::string label(text.substr(0, NameTable::kMaxNameLength));
  if (label.size() < text.size()) {
    // Not in the middle of a character: 10xxxxxx continues one.
    while (!label.empty() && (static_cast<unsigned char>(text[label.size()]) & 0xC0) == 0x80) {
      label.pop_back();
    }
  }
  const bool ascii_only = mqtt::check_utf8(label, false).has_value();
  for (char& c : label) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (ascii_only && byte >= 0x80)) c = '_';
  }
  return label.empty() ? "unnamed" : label;
}

/// At most half full, so that a search ends soon.
std::size_t slots_for(std::size_t limit) {
  return std::bit_ceil(std::clamp<std::size_t>(limit, 1, 16'000) * 2);
}

}  // namespace

NameTable::NameTable(std::size_t limit)
    : limit_(std::min<std::size_t>(limit, 16'000)),
      mask_(slots_for(limit) - 1),
      slots_(std::make_unique<std::atomic<const std::string*>[]>(mask_ + 1)) {}

NameTable::~NameTable() {
  for (std::size_t i = 0; i <= mask_; ++i) delete slots_[i].load(std::memory_order_relaxed);
}

NameTable::Id NameTable::id(std::string_view name) {
  // Names are compared as the labels that they become; almost always that is the name itself.
  std::string_view label = name;
  std::string cleaned;
  const bool clean =
      !name.empty() && name.size() <= kMaxNameLength &&
      std::all_of(name.begin(), name.end(), [](char c) { return c > 0x1F && c < 0x7F; });
  if (!clean) {
    cleaned = label_from(name);
    label = cleaned;
  }

  std::size_t at = std::hash<std::string_view>{}(label)&mask_;
  std::unique_ptr<const std::string> fresh;
  while (true) {
    const std::string* found = slots_[at].load(std::memory_order_acquire);
    if (found == nullptr) {
      if (!fresh) {
        // Counted before it is stored: racing workers may take a moment's "other", never too many.
        if (used_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
          used_.fetch_sub(1, std::memory_order_relaxed);
          return kOther;
        }
        fresh = std::make_unique<const std::string>(label);
      }
      if (slots_[at].compare_exchange_strong(found, fresh.get(), std::memory_order_release,
                                             std::memory_order_acquire)) {
        static_cast<void>(fresh.release());
        return static_cast<Id>(at + 1);
      }
      // Another worker was faster; `found` is what it stored.
    }
    if (*found == label) {
      if (fresh) used_.fetch_sub(1, std::memory_order_relaxed);
      return static_cast<Id>(at + 1);
    }
    at = (at + 1) & mask_;
  }
}

std::string_view NameTable::name(Id id) const {
  if (id == kOther || id > mask_ + 1) return "other";
  const std::string* found = slots_[id - 1U].load(std::memory_order_acquire);
  return found == nullptr ? std::string_view("other") : std::string_view(*found);
}

}  // namespace sallyport::observe
