#include "admin/socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/protocol.h"

namespace sallyport::admin {

namespace {

std::string system_word() { return std::string(net::describe(uv_translate_sys_error(errno))); }

std::expected<sockaddr_un, std::string> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return std::unexpected("the path of the admin socket has 1 to " +
                           std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

net::Socket make_socket() {
  return net::Socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// Does anybody listen there? A connection that has to wait is an answer, too.
bool is_served(const sockaddr_un& address) {
  const net::Socket probe = make_socket();
  return ::connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
         errno == EAGAIN;
}

/// A file that is no socket is somebody's, and stays.
bool is_stale_socket(const sockaddr_un& address) {
  struct stat status {};
  return ::lstat(address.sun_path, &status) == 0 && S_ISSOCK(status.st_mode) && !is_served(address);
}

bool may_ask(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

/// One connection. Deletes itself in its close callback.
struct Socket::Client {
  Client(Socket& its_owner, std::uint64_t its_number, net::Socket its_socket)
      : owner(its_owner), number(its_number), socket(std::move(its_socket)) {}

  Socket& owner;
  std::uint64_t number;
  net::Socket socket;
  uv_poll_t poll{};
  std::string in;   // the beginning of a line
  std::string out;  // what of an answer the kernel has not taken
  Instant deadline = kNever;
  bool busy = false;       // a request is under way
  bool advancing = false;  // advance() is at work: an answer that comes now is its business
  bool ended = false;      // the client sends no more
};

/// Brings an answer back to the client that asked, if both are still there.
struct Socket::Answer final : Reply::Receiver {
  Answer(std::weak_ptr<Socket*> to, std::uint64_t client) : owner(std::move(to)), number(client) {}
  void on_answer(Json json) override {
    if (const auto socket = owner.lock()) (*socket)->answer(number, to_line(json));
  }
  std::weak_ptr<Socket*> owner;
  std::uint64_t number;
};

std::expected<std::unique_ptr<Socket>, std::string> Socket::open(net::Loop& loop,
                                                                 net::Timers& timers,
                                                                 Options options,
                                                                 Handler& handler) {
  const auto address = address_of(options.path);
  if (!address) return std::unexpected(address.error());
  std::unique_ptr<Socket> self(new Socket(loop, timers, std::move(options), handler));
  const std::string& path = self->options_.path;

  self->socket_ = make_socket();
  const auto bind_it = [&] {
    return ::bind(self->socket_.fd(), reinterpret_cast<const sockaddr*>(&*address),
                  sizeof(*address)) == 0;
  };
  if (!bind_it()) {
    if (errno != EADDRINUSE) return std::unexpected(path + " cannot be made: " + system_word());
    if (!is_stale_socket(*address)) {
      return std::unexpected(path + " is in use, or is a file that is no socket");
    }
    ::unlink(address->sun_path);
    if (!bind_it()) return std::unexpected(path + " cannot be made: " + system_word());
  }
  // Nobody can connect before listen(), so there is no moment at which the mode is another one.
  if (::chmod(address->sun_path, S_IRUSR | S_IWUSR) != 0 ||
      ::listen(self->socket_.fd(), SOMAXCONN) != 0 ||
      uv_poll_init(loop.native(), &self->poll_, self->socket_.fd()) != 0) {
    ::unlink(address->sun_path);
    return std::unexpected(path + " cannot be served: " + system_word());
  }
  self->poll_.data = self.get();
  self->open_ = true;
  uv_poll_start(&self->poll_, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<Socket*>(handle->data)->accept(); });
  return self;
}

Socket::~Socket() { close(); }

void Socket::close() {
  if (!std::exchange(open_, false)) return;
  self_.reset();
  timer_.set(kNever);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  socket_.reset();
  ::unlink(options_.path.c_str());
  while (!clients_.empty()) drop(*clients_.begin()->second);
}

void Socket::accept() {
  // The poll is level-triggered: one at a time is enough.
  net::Socket socket(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket && may_ask(socket.fd()) && clients_.size() < options_.bounds.max_clients) {
    adopt(std::move(socket));
  }
}

void Socket::adopt(net::Socket socket) {
  auto* client = new Client(*this, next_number_++, std::move(socket));
  if (uv_poll_init(loop_.native(), &client->poll, client->socket.fd()) != 0) {
    delete client;
    return;
  }
  client->poll.data = client;
  client->deadline = net::Loop::now() + options_.bounds.timeout;
  clients_[client->number] = client;
  watch(*client);
}

void Socket::on_readable(Client& client) {
  char bytes[4096];
  const ssize_t n = ::recv(client.socket.fd(), bytes, sizeof(bytes), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) return drop(client);
  if (n == 0) {
    client.ended = true;
  } else {
    client.in.append(bytes, static_cast<std::size_t>(n));
  }
  advance(client);
}

/// Goes on as far as nothing has to wait: sends the answer, then begins the next request that is
/// there in full. A loop, so that a thousand requests in one packet need no stack.
void Socket::advance(Client& client) {
  while (flush(client)) {
    if (client.busy || !client.out.empty()) return watch(client);
    const std::size_t end = client.in.find('\n');
    if (std::min(end, client.in.size()) > options_.bounds.max_request) break;
    if (end == std::string::npos) {
      if (client.ended) break;
      return watch(client);
    }
    const std::string line = client.in.substr(0, end);
    client.in.erase(0, end + 1);
    client.deadline = net::Loop::now() + options_.bounds.timeout;
    client.busy = true;
    client.advancing = true;
    handler_.on_request(line, Reply(std::make_unique<Answer>(self_, client.number)));
    client.advancing = false;
    if (!open_) return;  // the command ended the gateway; the client goes with its handle
  }
  drop(client);
}

void Socket::answer(std::uint64_t number, const std::string& line) {
  const auto at = clients_.find(number);
  if (at == clients_.end()) return;
  Client& client = *at->second;
  client.busy = false;
  client.out += line;
  client.deadline = net::Loop::now() + options_.bounds.timeout;
  if (!client.advancing) advance(client);
}

/// Returns false if the connection has failed.
bool Socket::flush(Client& client) {
  while (!client.out.empty()) {
    const ssize_t n =
        ::send(client.socket.fd(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    client.out.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

/// Asks the loop for what the client needs next: room in the kernel, or bytes.
void Socket::watch(Client& client) {
  watch_timeouts();
  if (client.out.empty() && client.busy) {
    uv_poll_stop(&client.poll);
    return;
  }
  uv_poll_start(&client.poll, client.out.empty() ? UV_READABLE : UV_WRITABLE,
                [](uv_poll_t* handle, int, int) {
                  auto& self = *static_cast<Client*>(handle->data);
                  if (self.out.empty()) {
                    self.owner.on_readable(self);
                  } else {
                    self.owner.advance(self);
                  }
                });
}

void Socket::drop(Client& client) {
  clients_.erase(client.number);
  uv_close(reinterpret_cast<uv_handle_t*>(&client.poll),
           [](uv_handle_t* handle) { delete static_cast<Client*>(handle->data); });
}

void Socket::on_timer(Instant now) {
  for (auto at = clients_.begin(); at != clients_.end();) {
    Client& client = *(at++)->second;
    if (now >= client.deadline) drop(client);
  }
  watch_timeouts();
}

void Socket::watch_timeouts() {
  Instant next = kNever;
  for (const auto& [number, client] : clients_) next = std::min(next, client->deadline);
  timer_.set(next);
}

}  // namespace sallyport::admin
