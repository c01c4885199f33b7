#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>

#include <doctest/doctest.h>

#include "sallyport/events.h"

#include "site.h"

namespace sallyport::proxy::test {

/// Writes down what a worker does, one letter each, and can stop it in the middle.
class Record final : public GatewayEvents {
 public:
  void on_packet(Side from, mqtt::PacketType type, std::uint64_t) override {
    if (from == Side::broker) return;
    add(type == mqtt::PacketType::pingreq     ? 'P'
        : type == mqtt::PacketType::subscribe ? 'S'
        : type == mqtt::PacketType::publish   ? 'M'
                                              : 'x');
  }
  void on_accept(std::string_view) override { add('a'); }
  void on_connection_closed(std::string_view) override { add('c'); }
  void on_session_end(const Who&, const CloseReason&, bool) override { add('e'); }
  void on_wire_bytes(const WireBytes& bytes) override {
    if (bytes.received[static_cast<std::size_t>(Side::client)] != 0) add('w');
  }

  /// The worker stops when it has written the next letter, or the next such letter.
  void hold(char letter = 0) {
    const std::lock_guard lock(mutex_);
    hold_ = true;
    letter_ = letter;
  }
  /// Waits until it has stopped, and forgets all that was written.
  void wait_held() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::milliseconds(kLimitMs), [this] { return held_; }));
    written_.clear();
  }
  void go_on() {
    const std::lock_guard lock(mutex_);
    hold_ = false;
    changed_.notify_all();
  }
  /// Waits until the letter has been written, and returns all up to the first such one.
  std::string until(char letter) {
    std::unique_lock lock(mutex_);
    std::size_t at = 0;
    REQUIRE(changed_.wait_for(lock, std::chrono::milliseconds(kLimitMs), [&] {
      at = written_.find(letter);
      return at != std::string::npos;
    }));
    return written_.substr(0, at);
  }
  /// Waits until the letter has been written so often, and returns all.
  std::string until(char letter, std::size_t times) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::milliseconds(kLimitMs), [&] {
      return static_cast<std::size_t>(std::ranges::count(written_, letter)) >= times;
    }));
    return written_;
  }

 private:
  void add(char letter) {
    std::unique_lock lock(mutex_);
    written_ += letter;
    changed_.notify_all();
    if (letter_ != 0 && letter != letter_) return;
    held_ = hold_;
    changed_.notify_all();
    while (hold_) changed_.wait(lock);
    held_ = false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string written_;
  bool hold_ = false;
  char letter_ = 0;
  bool held_ = false;
};

/// A policy that admits the client with this identifier and nobody else, and lets it do nothing.
inline policy::Policy::Ptr policy_of_only(std::string client_id) {
  policy::RoleSpec only = role("only");
  only.match["client_id"] = {std::move(client_id)};
  return compiled({{std::move(only)}});
}

}  // namespace sallyport::proxy::test
