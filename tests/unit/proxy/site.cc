#include "site.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <random>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace sallyport::proxy::test {

namespace {

bool ready(int fd, short events, int limit_ms) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, limit_ms) == 1;
}

constexpr std::array kSideNames = {"client", "broker"};
std::string name(Side side) { return kSideNames[static_cast<std::size_t>(side)]; }

}  // namespace

Peer::Peer(net::Socket socket, tls::Context::Ptr context) : socket_(std::move(socket)) {
  const int flags = ::fcntl(socket_.fd(), F_GETFL);
  REQUIRE(::fcntl(socket_.fd(), F_SETFL, flags | O_NONBLOCK) == 0);
  const int on = 1;
  ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (context != nullptr) tls_ = std::make_unique<tls::Engine>(std::move(context));
}

void Peer::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      REQUIRE(ready(socket_.fd(), POLLOUT, kLimitMs));
    } else {
      return;  // what the other end did is seen by whoever reads
    }
  }
}

void Peer::send(std::string_view bytes) {
  if (tls_ == nullptr) {
    write(as_bytes(bytes));
    return;
  }
  const Bytes plain = as_bytes(bytes);
  tls_->send({&plain, 1}, cipher_);
  write(cipher_.bytes());
  cipher_.clear();
}

std::size_t Peer::send_some(std::string_view bytes) {
  const ssize_t n = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

/// Reads once, waiting. False: the end.
bool Peer::fill() {
  if (ended_) return false;
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    const ssize_t n = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
    if (n > 0) {
      const Bytes bytes{buffer.data(), static_cast<std::size_t>(n)};
      if (tls_ == nullptr) {
        plain_.append(bytes);
      } else {
        tls_->feed(bytes, plain_, cipher_);
        write(cipher_.bytes());
        cipher_.clear();
      }
      return true;
    }
    if (n < 0 && errno == EAGAIN) {
      REQUIRE(ready(socket_.fd(), POLLIN, kLimitMs));
      continue;
    }
    was_reset_ = n < 0;
    ended_ = true;
    return false;
  }
}

std::string Peer::receive(std::size_t size) {
  while (plain_.size() < size && fill()) {
  }
  const std::size_t n = std::min(size, plain_.size());
  std::string text(as_text(plain_.bytes().first(n)));
  plain_.consume(n);
  return text;
}

std::string Peer::receive_all() {
  while (fill()) {
  }
  return receive(plain_.size());
}

bool Peer::readable() const { return !plain_.empty() || ready(socket_.fd(), POLLIN, 0); }

void Peer::begin_handshake() {
  if (std::exchange(began_, true)) return;
  tls_->start(cipher_);
  write(cipher_.bytes());
  cipher_.clear();
}

bool Peer::shake_hands() {
  begin_handshake();
  while (tls_->state() == tls::Engine::State::opening && fill()) {
  }
  return tls_->state() == tls::Engine::State::open;
}

void Peer::end() {
  if (tls_ != nullptr) {
    tls_->close(cipher_);
    write(cipher_.bytes());
    cipher_.clear();
  }
  ::shutdown(socket_.fd(), SHUT_WR);
}

void Peer::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  socket_.reset();
}

FakeBroker::FakeBroker()
    : socket_(std::move(net::listen_on(*net::Address::parse("127.0.0.1", 0), {}).value())),
      address_(*net::local_address(socket_)) {}

Peer FakeBroker::accept(tls::Context::Ptr context) {
  REQUIRE(ready(socket_.fd(), POLLIN, kLimitMs));
  net::Socket socket(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(socket);
  return Peer(std::move(socket), std::move(context));
}

bool FakeBroker::dialled() const { return ready(socket_.fd(), POLLIN, 0); }

void Log::add(std::string line) {
  const std::lock_guard lock(mutex_);
  ++lines_[std::move(line)];
  changed_.notify_all();
}

std::size_t Log::count_locked(std::string_view line) const {
  const auto found = lines_.find(line);
  return found == lines_.end() ? 0 : found->second;
}

std::size_t Log::count(std::string_view line) const {
  const std::lock_guard lock(mutex_);
  return count_locked(line);
}

void Log::wait(std::string_view line, std::size_t times) const {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, std::chrono::milliseconds(kLimitMs),
                                      [&] { return count_locked(line) >= times; });
  std::string all;
  if (!came) {
    for (const auto& [each, times_written] : lines_) all += each + "\n";
  }
  CAPTURE(line);
  CAPTURE(all);
  REQUIRE(came);
}

std::uint64_t Log::received(Side side) const {
  const std::lock_guard lock(mutex_);
  return received_[static_cast<std::size_t>(side)];
}
std::uint64_t Log::sent(Side side) const {
  const std::lock_guard lock(mutex_);
  return sent_[static_cast<std::size_t>(side)];
}
Identity Log::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

Log::Refused Log::last_refusal() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}
Log::Refused Log::last_refusal(std::string_view check) const {
  const std::lock_guard lock(mutex_);
  return refused_by_.find(check)->second;
}
Handshake Log::last_handshake() const {
  const std::lock_guard lock(mutex_);
  return handshake_;
}

void Log::on_refusal(const Who& who, const Refusal& refusal) {
  {
    const std::lock_guard lock(mutex_);
    refused_ = {.phase = refusal.phase,
                .version = who.version,
                .address = who.identity.address,
                .reason = refusal.reason,
                .has_certificate = who.identity.certificate != nullptr,
                .shown_name = refusal.shown == nullptr ? "" : refusal.shown->common_name,
                .shown_serial = refusal.shown == nullptr ? "" : refusal.shown->serial};
    refused_by_.insert_or_assign(std::string(refusal.cause.name), refused_);
  }
  add("refusal " + std::string(refusal.cause.name));
}
void Log::on_throttle(const Who&, Side, policy::Cause, Duration) { add("throttle"); }
void Log::on_session_begin(const Who& who) {
  {
    const std::lock_guard lock(mutex_);
    last_ = who.identity;
  }
  add("begin");
}
void Log::on_session_end(const Who&, const CloseReason& why, bool) {
  add("end " + name(why.side) + " " + std::string(to_string(why.kind)));
}
void Log::on_accept(std::string_view) { add("accept"); }
void Log::on_connection_closed(std::string_view) { add("closed"); }
void Log::on_handshake(const Handshake& handshake) {
  CHECK(handshake.failure.has_value() == handshake.version.empty());
  if (!handshake.failure) {
    const std::lock_guard lock(mutex_);
    handshake_ = handshake;
    handshake_.listener = {};
  }
  add("handshake " + name(handshake.side) + (handshake.failure ? " failed" : " ok"));
}
void Log::on_broker_connect(Duration took, std::optional<Check> failure,
                            std::string_view /*detail*/) {
  CHECK(took.count() >= 0);
  add(failure ? "dial failed" : "dial ok");
}
void Log::on_wire_bytes(const WireBytes& bytes) {
  const std::lock_guard lock(mutex_);
  for (std::size_t side = 0; side != 2; ++side) {
    received_[side] += bytes.received[side];
    sent_[side] += bytes.sent[side];
  }
}
void Log::on_backpressure(Side slow, bool paused) {
  add(name(slow) + (paused ? " slow" : " fast"));
}
void Log::on_heartbeat() { add("heartbeat"); }

policy::Policy::Ptr policy_for(std::vector<std::string> topics) {
  const Filters all(topics.begin(), topics.end());
  return compiled(everybody({allow("everything", all, all)}));
}

Site::Site(Plan plan) : plan_(std::move(plan)) {
  std::signal(SIGPIPE, SIG_IGN);
  auto listener = std::make_shared<ListenerSettings>();
  listener->name = "devices";
  listener->address = *net::Address::parse("127.0.0.1", 0);
  listener->address_text = "127.0.0.1:0";
  listener->tls = plan_.listener_tls;
  listener->session.bounds = plan_.bounds;
  listener->session.login_timeout = plan_.login_timeout;
  listener->ask(plan_.authenticator);
  listener->stall_timeout = plan_.stall_timeout;
  listener->max_connections = plan_.max_connections;
  listener->max_connections_per_address = plan_.max_connections_per_address;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->policy = plan_.policy != nullptr ? plan_.policy : policy_for({"t/#"});
  listener->proxy_protocol = plan_.proxy_protocol;
  listener->proxy_header_timeout = plan_.proxy_header_timeout;
  snapshot->listeners.push_back(std::move(listener));
  snapshot->broker.host = plan_.broker_host;
  snapshot->broker.port = broker.port();
  snapshot->broker.tls = plan_.broker_tls;
  snapshot->broker.connect_timeout = plan_.broker_connect_timeout;
  snapshot->turn = plan_.turn;
  snapshot->broker.max_dials = plan_.max_dials;
  snapshot->broker.dial_queue = plan_.dial_queue;
  snapshot->broker.dial_wait = plan_.dial_wait;
  snapshot->max_connections = plan_.max_connections_gateway;
  snapshot_ = std::move(snapshot);
  GatewayEvents& told = plan_.events != nullptr ? *plan_.events : log;
  const std::vector<GatewayEvents*> events(plan_.workers, &told);
  server = std::move(Server::bind(snapshot_, events, *this, plan_.pool).value());
  REQUIRE(server->serve().has_value());
}

Site::~Site() {
  server.reset();
  // Whatever a test did, every connection that began has ended, and every session too.
  CHECK(log.count("accept") == log.count("closed"));
}

Peer Site::connect(tls::Context::Ptr context) const {
  const net::Address& address = server->address(0);
  net::Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(socket);
  REQUIRE(::connect(socket.fd(), address.native(), address.size()) == 0);
  return Peer(std::move(socket), std::move(context));
}

Site::Pair Site::session(const wire::Connect& connect) {
  Peer client = this->connect(
      plan_.listener_tls != nullptr ? tls::test::load(tls::test::pki().client()) : nullptr);
  if (plan_.listener_tls != nullptr) REQUIRE(client.shake_hands());
  const std::string hello = wire::connect(connect);
  client.send(hello);
  Peer other = broker.accept();
  CHECK(other.receive(hello.size()) == hello);
  const std::string answer = wire::connack(connect.level);
  other.send(answer);
  // The gateway may lower what a 5.0 broker promises; the length says where CONNACK ends.
  const std::string head = client.receive(2);
  REQUIRE(head.size() == 2);
  (void)client.receive(static_cast<std::uint8_t>(head[1]));
  return {std::move(client), std::move(other)};
}

std::size_t Site::reload(const Snapshot& next) {
  return ask<std::size_t>([&](Reply<std::size_t> reply) {
           CHECK(server->reload(std::make_shared<Snapshot>(next), std::move(reply)).empty());
           return true;
         })
      .value();
}

void Site::wait_stopped() {
  std::unique_lock lock(mutex_);
  REQUIRE(changed_.wait_for(lock, std::chrono::milliseconds(kLimitMs), [&] { return stopped_; }));
}

bool Site::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void Site::on_accept_paused(std::string_view, std::string_view) {}

void Site::on_stopped() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

IpAddress at(const std::string& host) { return net::Address::parse(host, 1)->ip(); }

Plan with_tls(tls::ClientCertificate asked) {
  return {.listener_tls = tls::test::load(tls::test::pki().server(asked))};
}

std::string repeat(std::string_view block, std::size_t size) {
  std::string all;
  while (all.size() < size) all += block;
  return all;
}

std::string noise(std::size_t size) {
  std::mt19937 random(11);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

}  // namespace sallyport::proxy::test
