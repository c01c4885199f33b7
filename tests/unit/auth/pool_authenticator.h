#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "auth/authenticator.h"

namespace sallyport::auth::test {

/// Passwords by user name.
using Users = std::map<std::string, std::string, std::less<>>;

/// An authenticator as a real one will be: it copies what it needs, works on a thread of the pool,
/// answers on the loop, and forgets what nobody waits for. Counts the copies of passwords that are
/// still there.
class PoolAuthenticator final : public Authenticator,
                                public std::enable_shared_from_this<PoolAuthenticator> {
 public:
  explicit PoolAuthenticator(Users users) : users_(std::move(users)) {}

  [[nodiscard]] Ticket submit(const LoginRequest& request, net::WorkPool::Port& port,
                              Handler& handler) override {
    auto ticket = port.submit(std::make_unique<Question>(shared_from_this(), request, handler));
    if (!ticket) return nullptr;
    return std::make_unique<Waiting>(std::move(ticket));
  }

  /// Jobs that run wait until go_on().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void go_on() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  std::atomic<int> copies = 0;
  std::atomic<int> asked = 0;  // jobs that have begun

 private:
  struct Waiting final : Pending {
    explicit Waiting(net::WorkPool::Ticket of) : ticket(std::move(of)) {}
    net::WorkPool::Ticket ticket;
  };

  struct Question final : net::WorkPool::Job {
    Question(std::shared_ptr<PoolAuthenticator> of, const LoginRequest& request, Handler& to)
        : owner(std::move(of)), handler(to), username(request.username.value_or("")) {
      password.append(request.password);
      ++owner->copies;
    }
    ~Question() override {
      password.wipe();
      --owner->copies;
    }
    void run() override {
      ++owner->asked;
      owner->wait();
      const auto user = owner->users_.find(username);
      if (user == owner->users_.end() || user->second != as_text(password.bytes())) return;
      result = LoginAllowed{};
    }
    void finish() override { handler.on_login(std::move(result)); }

    const std::shared_ptr<PoolAuthenticator> owner;
    Handler& handler;
    const std::string username;
    Buffer password;
    LoginResult result = LoginRefused{};
  };

  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
  }

  const Users users_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

}  // namespace sallyport::auth::test
