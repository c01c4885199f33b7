#include "proxy/server.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <uv.h>

namespace sallyport::proxy {

namespace {

using ListenerPtr = std::shared_ptr<const ListenerSettings>;

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

StartError bind_error(const ListenerSettings& listener, int error) {
  StartError result;
  result.origin = listener.origin;
  const std::string where =
      "listener " + quoted(listener.name) + ": address " + listener.address_text;
  switch (error) {
    case UV_EADDRINUSE:
      result.message = where + " is already in use";
      result.hint = "stop the program that listens there, or choose another port";
      break;
    case UV_EACCES:
      result.message = where + " may not be bound by this user";
      result.hint = "choose a port above 1023, or give the process CAP_NET_BIND_SERVICE";
      break;
    case UV_EADDRNOTAVAIL:
      result.message = where + " is not an address of this host";
      result.hint = "use an address of one of its interfaces, or 0.0.0.0 or [::] for all";
      break;
    case UV_EAFNOSUPPORT:
      result.message = where + " is of a family that this host does not have";
      result.hint = "use an IPv4 address";
      break;
    default:
      result.message = where + " cannot be bound: " + std::string(net::describe(error));
      break;
  }
  return result;
}

StartError system_error(std::string_view what, std::string_view why) {
  StartError result;
  result.message = std::string(what) + ": " + std::string(why);
  result.hint = "raise the limits on open files and threads (ulimit -n, ulimit -u)";
  return result;
}

/// An IPv6 wildcard leaves IPv4 to another listener that has the same port there.
bool leaves_v4(const ListenerSettings& listener, const std::vector<ListenerPtr>& all) {
  return std::any_of(all.begin(), all.end(), [&](const ListenerPtr& other) {
    return listener.address.is_v6() && !other->address.is_v6() &&
           other->address.port() == listener.address.port();
  });
}

/// Session numbers of this process begin with the time of its start, in milliseconds, and 4,096
/// numbers for each: so no number comes again after a restart, however many sessions there were,
/// and all are below 2^53 until 2089, which is as far as readers of JSON count exactly.
std::uint64_t first_session_number() {
  using std::chrono::sys_days;
  constexpr sys_days kEpoch{std::chrono::year{2020} / 1 / 1};
  const auto since =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now() - kEpoch);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0)) * 4096;
}

}  // namespace

std::expected<std::unique_ptr<Server>, StartError> Server::bind(
    std::shared_ptr<const Snapshot> snapshot, std::span<GatewayEvents* const> events,
    Watcher& watcher, net::WorkPool* pool) {
  std::unique_ptr<Server> server(new Server(watcher));
  std::vector<std::vector<net::Socket>> sockets(events.size());
  for (const ListenerPtr& listener : snapshot->listeners) {
    net::Address address = listener->address;
    net::ListenOptions options;
    options.shared = events.size() > 1;
    options.v6_only = leaves_v4(*listener, snapshot->listeners);
    if (options.shared) {
      if (const int error = net::probe_address(address, options); error != 0) {
        return std::unexpected(bind_error(*listener, error));
      }
    }
    for (auto& of_worker : sockets) {
      auto socket = net::listen_on(address, options);
      if (!socket) return std::unexpected(bind_error(*listener, socket.error()));
      // Port 0: the kernel chose with the first, and the others share that.
      if (const auto bound = net::local_address(*socket)) address = *bound;
      of_worker.push_back(std::move(*socket));
    }
    server->addresses_.push_back(address);
  }
  server->door_ = std::make_unique<Door>(snapshot->listeners.size());
  const std::uint64_t first_session = first_session_number();
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto worker = Worker::make({i, events.size(), first_session}, snapshot, std::move(sockets[i]),
                               *server->door_, *events[i], watcher, pool);
    if (!worker) {
      return std::unexpected(system_error("cannot make a worker", net::describe(worker.error())));
    }
    server->workers_.push_back(std::move(*worker));
  }
  server->snapshot_ = std::move(snapshot);
  return server;
}

Server::~Server() {
  if (!threads_.empty()) drain(Duration::zero());
  for (std::thread& thread : threads_) thread.join();
}

std::expected<void, StartError> Server::serve(std::uint64_t own_files) {
  door_->set_own_files(own_files);
  if (most_by_files() == 0) {
    return std::unexpected(system_error("this process may open too few files to take a connection",
                                        std::to_string(own_files) + " are open already"));
  }
  running_ = workers_.size();
  for (const auto& worker : workers_) {
    try {
      threads_.emplace_back([this, &worker = *worker, number = threads_.size()] {
        // Best effort: for those who look with top or a debugger.
        pthread_setname_np(pthread_self(), ("worker-" + std::to_string(number)).c_str());
        worker.run();
        if (running_.fetch_sub(1) == 1) watcher_.on_stopped();
      });
    } catch (const std::system_error& error) {
      return std::unexpected(system_error("cannot start a worker's thread", error.what()));
    }
  }
  return {};
}

std::uint32_t Server::most_by_files() const {
  return door_->most_by_files(snapshot_->files.held_back);
}

std::vector<std::string> Server::reload(std::shared_ptr<const Snapshot> snapshot,
                                        Reply<std::size_t> done) {
  std::vector<std::string> restart;
  // The whole is copied, so that a member that Snapshot gains later cannot be forgotten here.
  auto merged = std::make_shared<Snapshot>(*snapshot);
  std::vector<ListenerPtr> fresh = std::exchange(merged->listeners, {});
  for (const ListenerPtr& old : snapshot_->listeners) {
    const auto found = std::find_if(fresh.begin(), fresh.end(), [&](const ListenerPtr& other) {
      return other->name == old->name;
    });
    if (found == fresh.end()) {
      restart.push_back("listener " + quoted(old->name) + " was removed and goes on");
      merged->listeners.push_back(old);
      continue;
    }
    ListenerPtr now = *found;
    fresh.erase(found);
    if (now->address_text != old->address_text) {
      restart.push_back("listener " + quoted(old->name) + " moved to " + now->address_text +
                        " and stays on " + old->address_text);
      auto kept = std::make_shared<ListenerSettings>(*now);
      kept->address = old->address;
      kept->address_text = old->address_text;
      now = std::move(kept);
    }
    merged->listeners.push_back(std::move(now));
  }
  for (const ListenerPtr& added : fresh) {
    restart.push_back("listener " + quoted(added->name) + " was added and is not served");
  }
  snapshot_ = std::move(merged);
  const Count answer =
      done.inbox == nullptr ? nullptr : std::make_shared<Gather<std::size_t>>(0, std::move(done));
  for (const auto& worker : workers_) worker->post_reload(snapshot_, answer);
  return restart;
}

void Server::drain(Duration limit, Duration window) {
  for (const auto& worker : workers_) worker->post_drain({limit, window});
}

/// Where the answer to a question is gathered; null where too many wait.
template <typename T>
Answer<T> Server::ask(Reply<T> reply) {
  if (questions_.use_count() > static_cast<long>(snapshot_->questions)) return nullptr;
  // It waits until the reply has run, or has been dropped by its inbox.
  reply.take = [take = std::move(reply.take), waits = questions_](T answer) mutable {
    take(std::move(answer));
  };
  return std::make_shared<Gather<T>>(T{}, std::move(reply));
}

bool Server::list(const SessionFilter& filter, std::size_t most,
                  Reply<std::vector<SessionRow>> reply) {
  const auto answer = ask(std::move(reply));
  if (answer == nullptr) return false;
  for (const auto& worker : workers_) worker->post(task::List{filter, most, answer});
  return true;
}

bool Server::end(const SessionFilter& filter, Check why, mqtt::ReasonCode reason,
                 Reply<std::size_t> reply) {
  const auto answer = ask(std::move(reply));
  if (answer == nullptr) return false;
  for (const auto& worker : workers_) worker->post(task::End{filter, why, reason, answer});
  return true;
}

bool Server::status(Reply<std::vector<WorkerStatus>> reply) {
  const auto answer = ask(std::move(reply));
  if (answer == nullptr) return false;
  for (const auto& worker : workers_) worker->post(answer);
  return true;
}

}  // namespace sallyport::proxy
