#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/policy.h"

namespace sallyport {

/// The last few verdicts on PUBLISH in one direction of a session: devices publish to a handful of
/// topics, again and again. A verdict depends on nothing but the grants and what is compared here,
/// so a remembered one is the one that the policy would give; forget them when the grants change.
///
/// Owns nothing before the first verdict, and kMost topics of kLongest bytes at most.
class VerdictMemo final {
 public:
  static constexpr std::size_t kMost = 4;
  static constexpr std::size_t kLongest = 256;

  /// Null: not remembered. Valid until the next call of put() or forget().
  [[nodiscard]] const policy::Verdict* find(const policy::PublishRequest& request) const {
    for (const Entry& entry : entries_) {
      if (entry.message() == request && request.payload_size >= entry.verdict.payload_least &&
          request.payload_size <= entry.verdict.payload_most) {
        return &entry.verdict;
      }
    }
    return nullptr;
  }

  /// Remembers a verdict in place of the oldest.
  void put(const policy::PublishRequest& request, const policy::Verdict& verdict) {
    if (request.topic.size() > kLongest) return;
    if (entries_.size() < kMost) entries_.emplace_back();
    Entry& entry = entries_[next_++ % entries_.size()];
    entry.topic.assign(request.topic);
    entry.rest = request;
    entry.rest.topic = {};
    entry.verdict = verdict;
    next_ %= kMost;
  }

  void forget() {
    std::vector<Entry>().swap(entries_);
    next_ = 0;
  }

  /// Bytes owned.
  [[nodiscard]] std::size_t memory() const {
    std::size_t total = entries_.capacity() * sizeof(Entry);
    for (const Entry& entry : entries_) total += entry.topic.capacity();
    return total;
  }

 private:
  struct Entry {
    std::string topic;
    policy::Message rest;  // all facts but the topic, which message() puts in
    policy::Verdict verdict;

    [[nodiscard]] policy::Message message() const {
      policy::Message whole = rest;
      whole.topic = topic;
      return whole;
    }
  };
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
};

}  // namespace sallyport
