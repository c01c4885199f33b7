#include "net/resolver.h"

#include <algorithm>
#include <cstdlib>

#include <netdb.h>

namespace sallyport::net {

Resolver::~Resolver() {
  // The lookup would write to freed memory: the loop must have run to its end before.
  if (asking_) std::abort();
}

void Resolver::set_target(std::string host, std::uint16_t port) {
  if (host == host_ && port == port_) return;
  host_ = std::move(host);
  port_ = port;
  addresses_.clear();
  const auto address = Address::parse(host_, port_);
  numeric_ = address.has_value();
  if (numeric_) addresses_.push_back(*address);
  stale_ = asking_;
}

const std::vector<Address>* Resolver::known(Instant now) const {
  if (numeric_ || (!addresses_.empty() && now < until_)) return &addresses_;
  return nullptr;
}

int Resolver::wait(Waiter& waiter) {
  if (!asking_) {
    if (const int error = ask(); error != 0) return error;
  }
  waiters_.push_back(&waiter);
  return 0;
}

void Resolver::forget(Waiter& waiter) {
  const auto found = std::find(waiters_.begin(), waiters_.end(), &waiter);
  if (found == waiters_.end()) return;
  auto at = static_cast<std::size_t>(found - waiters_.begin());
  if (at < round_) {
    waiters_[at] = waiters_[--round_];
    at = round_;
  }
  waiters_[at] = waiters_.back();
  waiters_.pop_back();
}

void Resolver::drop() {
  if (!numeric_) addresses_.clear();
}

void Resolver::close() {
  closed_ = true;
  waiters_.clear();
  round_ = 0;
  if (asking_) uv_cancel(reinterpret_cast<uv_req_t*>(&request_));
}

int Resolver::ask() {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  request_.data = this;
  stale_ = false;
  const int error = uv_getaddrinfo(
      loop_.native(), &request_,
      [](uv_getaddrinfo_t* request, int status, addrinfo* answer) {
        static_cast<Resolver*>(request->data)->on_answer(status, answer);
        uv_freeaddrinfo(answer);
      },
      host_.c_str(), nullptr, &hints);
  asking_ = error == 0;
  return error;
}

void Resolver::on_answer(int status, const addrinfo* answer) {
  asking_ = false;
  if (closed_) return;
  if (stale_) {
    // The answer is about a target that nobody asks for any more.
    const int error = numeric_ ? 0 : ask();
    if (numeric_ || error != 0) tell(error);
    return;
  }
  addresses_.clear();
  for (; answer != nullptr && addresses_.size() < kMostAddresses; answer = answer->ai_next) {
    if (auto address = Address::from(answer->ai_addr)) {
      address->set_port(port_);
      addresses_.push_back(*address);
    }
  }
  until_ = Loop::now() + kKeep;
  tell(status != 0 || !addresses_.empty() ? status : UV_EAI_NODATA);
}

void Resolver::tell(int error) {
  // Whoever is told may wait again, which counts for the next answer, or make another one forget.
  const std::vector<Address> addresses = error == 0 ? addresses_ : std::vector<Address>();
  round_ = waiters_.size();
  while (round_ != 0) {
    Waiter& waiter = *waiters_[--round_];
    waiters_[round_] = waiters_.back();
    waiters_.pop_back();
    waiter.on_resolved(addresses, error);
  }
}

}  // namespace sallyport::net
