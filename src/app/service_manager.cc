#include "app/service_manager.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/socket.h"

namespace sallyport::app {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

// A manager whose queue is full is waited for: one that misses READY would end the gateway.
constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string in_microseconds(Duration time) {
  return std::to_string(duration_cast<microseconds>(time).count());
}

std::optional<Duration> watchdog_of_environment() {
  const std::string_view pid = variable("WATCHDOG_PID");
  if (!pid.empty() && number(pid) != static_cast<std::uint64_t>(getpid())) return std::nullopt;
  const auto usec = number(variable("WATCHDOG_USEC"));
  constexpr auto kMost = duration_cast<microseconds>(Duration::max()).count();
  if (!usec || *usec == 0 || *usec > static_cast<std::uint64_t>(kMost)) return std::nullopt;
  return duration_cast<Duration>(microseconds(*usec));
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  return ServiceManager(std::string(variable("NOTIFY_SOCKET")), watchdog_of_environment());
}

ServiceManager::ServiceManager(std::string socket, std::optional<Duration> watchdog)
    : socket_(std::move(socket)), watchdog_(watchdog) {
  const bool has_form = !socket_.empty() && (socket_[0] == '/' || socket_[0] == '@');
  if (!has_form || socket_.size() >= sizeof(sockaddr_un::sun_path)) socket_.clear();
  if (socket_.empty()) watchdog_.reset();
}

void ServiceManager::ready(std::string_view status) const {
  send("READY=1\nSTATUS=" + std::string(status));
}

void ServiceManager::reloading() const {
  // Since version 253 systemd tells by the time whether this answers the signal that it has sent.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  send("RELOADING=1\nMONOTONIC_USEC=" + in_microseconds(duration_cast<Duration>(now)) +
       "\nSTATUS=reading all files again");
}

void ServiceManager::stopping(Duration limit) const {
  send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + in_microseconds(limit) + "\nSTATUS=draining");
}

void ServiceManager::alive() const { send("WATCHDOG=1"); }

void ServiceManager::send(std::string_view message) const {
  if (socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const auto length = offsetof(sockaddr_un, sun_path) + socket_.size();
  const net::Socket socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  static_cast<void>(
      setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience)));
  static_cast<void>(::sendto(socket.fd(), message.data(), message.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address),
                             static_cast<socklen_t>(length)));
}

}  // namespace sallyport::app
