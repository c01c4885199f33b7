#include "observe/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "observe/http_listen.h"
#include "observe/http_request.h"
#include "observe/quiet_thread.h"

namespace sallyport::observe {

namespace {

using Clock = std::chrono::steady_clock;

// Where accept() fails for want of descriptors or memory, it is left alone for so long.
constexpr std::chrono::milliseconds kAcceptPause{100};
// Connections that one round accepts, so that who is there already is answered in between.
constexpr int kAccepts = 16;
// Bytes of a client that are thrown away behind its answer, which a reset could take away again.
constexpr std::size_t kDiscard = 256UL * 1024;

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

HttpPage plain(int status) {
  std::string body(status_text(status));
  body += '\n';
  return {.status = status, .body = std::move(body)};
}

std::string response(const HttpPage& page, bool with_body) {
  std::string out = "HTTP/1.1 " + std::to_string(page.status) + ' ';
  out += status_text(page.status);
  out += "\r\nContent-Type: ";
  out += page.content_type;
  if (!page.security_policy.empty()) {
    out += "\r\nContent-Security-Policy: ";
    out += page.security_policy;
    out += "\r\nReferrer-Policy: no-referrer";
  }
  out += "\r\nContent-Length: " + std::to_string(page.body.size());
  if (page.status == 405) out += "\r\nAllow: GET, HEAD";
  out +=
      "\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n";
  if (with_body) out += page.body;
  return out;
}

/// One connection, from accept to close.
struct HttpClient {
  /// In the order in which they give way to somebody new. Who waits for us never does.
  enum class State : std::uint8_t {
    closed,   // and forgotten at the end of the round
    ending,   // it has its answer; what it still sends is thrown away until it closes
    reading,  // its request is not complete
    writing,  // it takes its answer
    waiting,  // for a costly page
  };

  HttpClient(int socket, Clock::time_point until) : fd(socket), deadline(until) {}
  ~HttpClient() {
    if (fd >= 0) close(fd);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] short events() const {
    if (state == State::waiting) return 0;
    return state == State::writing ? POLLOUT : POLLIN;
  }

  int fd;
  Clock::time_point deadline;
  State state = State::reading;
  std::string in;  // at most kMaxHttpRequest
  HttpRequest request;
  bool is_trusted = false;
  std::string out;
  std::size_t sent = 0;
  std::size_t discarded = 0;
};

using State = HttpClient::State;

}  // namespace

class HttpServer::Impl final {
 public:
  Impl(int listening, int wakeup, const HttpPages& pages, const settings::Http& settings)
      : pages_(pages), settings_(settings), listening_(listening), wakeup_(wakeup) {}
  ~Impl() {
    stop_.store(true);
    const std::uint64_t one = 1;
    if (thread_) static_cast<void>(write(wakeup_, &one, sizeof one) == sizeof one);
    if (thread_) thread_->join();
    close(listening_);
    if (wakeup_ >= 0) close(wakeup_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] bool start() {
    if (wakeup_ < 0) return false;
    thread_ = quiet_thread([this] { run(); });
    return thread_.has_value();
  }
  [[nodiscard]] std::uint16_t port() const { return bound_port(listening_); }

 private:
  void run() {
    while (!stop_.load()) {
      wait();
      const Clock::time_point now = Clock::now();
      // Who was there first, then who comes; probes of both before the one costly page.
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (polled_[i].revents != 0) go_on(*clients_[i], now);
      }
      if (polled_.end()[-2].revents != 0) accept_some(now);
      answer_costly(now);
      std::erase_if(clients_, [&](const std::unique_ptr<HttpClient>& client) {
        return client->state == State::closed || client->deadline <= now;
      });
    }
    clients_.clear();
  }

  /// Until something is to be done. polled_: the clients, the listening socket, the wakeup.
  void wait() {
    const Clock::time_point now = Clock::now();
    Clock::time_point until = now + std::chrono::hours(1);
    polled_.clear();
    for (const auto& client : clients_) {
      polled_.push_back({.fd = client->fd, .events = client->events(), .revents = 0});
      until = std::min(until, client->state == State::waiting ? now : client->deadline);
    }
    if (accept_again_ > now) until = std::min(until, accept_again_);
    const bool accepts = accept_again_ <= now && (has_room() || victim() != clients_.end());
    polled_.push_back({.fd = accepts ? listening_ : -1, .events = POLLIN, .revents = 0});
    polled_.push_back({.fd = wakeup_, .events = POLLIN, .revents = 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
    if (poll(polled_.data(), polled_.size(), static_cast<int>(std::max<std::int64_t>(left, 0))) <
        0) {
      for (pollfd& one : polled_) one.revents = 0;
    }
  }

  void accept_some(Clock::time_point now) {
    for (int i = 0; i < kAccepts; ++i) {
      const auto goes = victim();
      if (!has_room() && goes == clients_.end()) return;
      const int fd = accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        const bool short_of =
            errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
        if (short_of) accept_again_ = now + kAcceptPause;
        return;
      }
      if (!has_room()) clients_.erase(goes);
      clients_.push_back(std::make_unique<HttpClient>(fd, now + settings_.timeout));
      go_on(*clients_.back(), now);  // mostly the request is there already
    }
  }

  [[nodiscard]] bool has_room() const { return clients_.size() < settings_.max_clients; }

  /// Who would give way: the one that has waited longest for something other than us; end():
  /// nobody.
  [[nodiscard]] std::vector<std::unique_ptr<HttpClient>>::const_iterator victim() const {
    const auto first = std::ranges::min_element(clients_, [](const auto& a, const auto& b) {
      return std::pair(a->state, a->deadline) < std::pair(b->state, b->deadline);
    });
    return first != clients_.end() && (*first)->state >= State::waiting ? clients_.end() : first;
  }

  void go_on(HttpClient& client, Clock::time_point now) {
    if (client.state == State::reading) read_request(client, now);
    if (client.state == State::writing) write_answer(client);
    if (client.state == State::ending) discard(client);
  }

  void read_request(HttpClient& client, Clock::time_point now) {
    std::array<char, kMaxHttpRequest> bytes;
    const ssize_t got = recv(client.fd, bytes.data(), bytes.size() - client.in.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      client.state = State::closed;
      return;
    }
    client.in.append(bytes.data(), static_cast<std::size_t>(got));
    auto request = parse_http_request(client.in);
    if (!request) return;
    client.request = std::move(*request);
    client.is_trusted = pages_.trusts({.is_local = is_local_peer(client.fd),
                                       .host = client.request.host,
                                       .token = client.request.bearer});
    if (client.request.status == 0 && pages_.is_costly(client.request.path)) {
      client.state = State::waiting;
    } else {
      answer(client, now);
    }
  }

  void answer(HttpClient& client, Clock::time_point now) { answer(client, page_for(client), now); }

  [[nodiscard]] HttpPage page_for(const HttpClient& client) const {
    const HttpRequest& request = client.request;
    if (request.status != 0) return plain(request.status);
    HttpPage page = pages_.page(request.path, client.is_trusted);
    return page.status == 404 && page.body.empty() ? plain(404) : page;
  }

  void answer(HttpClient& client, const HttpPage& page, Clock::time_point now) const {
    client.out = response(page, !client.request.head);
    client.state = State::writing;
    client.deadline = now + settings_.timeout;
  }

  /// One page in a round, for all that wait for it: a hundred scrapers cost as much as one.
  void answer_costly(Clock::time_point now) {
    const auto next = std::ranges::find(clients_, State::waiting, &HttpClient::state);
    if (next == clients_.end()) return;
    const std::string path = (*next)->request.path;
    const bool is_trusted = (*next)->is_trusted;
    const HttpPage page = page_for(**next);
    for (const auto& client : clients_) {
      if (client->state != State::waiting || client->request.path != path ||
          client->is_trusted != is_trusted) {
        continue;
      }
      answer(*client, page, now);
      write_answer(*client);
    }
  }

  void write_answer(HttpClient& client) {
    while (client.sent < client.out.size()) {
      const ssize_t wrote = send(client.fd, client.out.data() + client.sent,
                                 client.out.size() - client.sent, MSG_NOSIGNAL);
      if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (wrote <= 0) {
        client.state = State::closed;
        return;
      }
      client.sent += static_cast<std::size_t>(wrote);
    }
    client.out = {};
    shutdown(client.fd, SHUT_WR);
    client.state = State::ending;
  }

  static void discard(HttpClient& client) {
    std::array<char, kMaxHttpRequest> bytes;
    const ssize_t got = recv(client.fd, bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got > 0) client.discarded += static_cast<std::size_t>(got);
    if (got <= 0 || client.discarded > kDiscard) client.state = State::closed;
  }

  const HttpPages& pages_;
  const settings::Http settings_;
  const int listening_;
  const int wakeup_;
  Clock::time_point accept_again_{};
  std::vector<std::unique_ptr<HttpClient>> clients_;  // oldest first; at most settings_.max_clients
  std::vector<pollfd> polled_;
  std::atomic<bool> stop_{false};
  std::optional<std::thread> thread_;
};

std::expected<std::unique_ptr<HttpServer>, HttpServer::Failure> HttpServer::start(
    const std::string& host, std::uint16_t port, const HttpPages& pages,
    const settings::Http& settings) {
  const auto listening = listen_for_http(host, port);
  if (!listening) return std::unexpected(listening.error());
  auto impl =
      std::make_unique<Impl>(*listening, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), pages, settings);
  if (!impl->start()) {
    return std::unexpected(Failure{"the server of the observe address cannot be started",
                                   "raise the limits on threads and open files"});
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const { return impl_->port(); }

}  // namespace sallyport::observe
