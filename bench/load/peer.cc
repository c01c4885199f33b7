#include "bench/load/peer.h"

#include <utility>

#include "sallyport/settings.h"

namespace sallyport::bench {

namespace {
constexpr std::uint32_t kMaxHead = 128 * 1024;  // a topic and some properties
}

Peer::Peer(Workbench& bench, Handler& handler, tls::Context::Ptr tls, Side from,
           mqtt::Version version)
    : bench_(bench),
      handler_(handler),
      stream_(*this),
      rules_{from, version, UINT32_MAX, kMaxHead} {
  if (tls != nullptr) tls_ = std::make_unique<tls::Engine>(std::move(tls));
}

void Peer::open(net::Socket socket) {
  if (const int error = stream_.open(bench_.loop(), std::move(socket)); error != 0) {
    why_ = net::describe(error);
    return;  // the stream is closing already
  }
  if (const int error = stream_.start_reading(); error != 0) return close(net::describe(error));
  if (tls_ == nullptr) {
    ready_ = true;
    handler_.on_ready();
  } else {
    (void)tls_->start(bench_.out(this));
  }
  end_turn();
}

std::string_view Peer::tls_version() const {
  return tls_ == nullptr ? std::string_view() : tls_->version();
}

void Peer::add_record(Bytes bytes) {
  if (tls_ != nullptr) {
    (void)tls_->send({&bytes, 1}, bench_.out(this));
  } else {
    bench_.out(this).append(bytes);
  }
}

std::size_t Peer::unflushed() const { return bench_.out(this).size(); }

void Peer::flush() {
  Buffer& out = bench_.out(this);
  if (out.empty()) return;
  const Bytes bytes = out.bytes();
  const int error = stream_.is_open() ? stream_.write({&bytes, 1}) : 0;
  out.clear();
  if (error != 0) close(net::describe(error));
}

void Peer::finish() {
  if (!stream_.is_open()) return;
  if (tls_ != nullptr) tls_->close(bench_.out(this));
  flush();
  stream_.finish(settings::Flow().discard);
}

void Peer::close(std::string_view why) {
  if (why_.empty()) why_ = why;
  stream_.close();
}

void Peer::on_read(net::Stream&, Bytes bytes) {
  if (tls_ != nullptr) {
    decrypt(bytes);
  } else {
    take(bytes);
  }
  end_turn();
}

void Peer::decrypt(Bytes bytes) {
  Buffer& plain = bench_.plain();
  plain.clear();
  const auto state = tls_->feed(bytes, plain, bench_.out(this));
  if (!ready_ && !tls_->version().empty()) {
    ready_ = true;
    handler_.on_ready();
  }
  take(plain.bytes());
  if (state == tls::Engine::State::failed) {
    flush();  // the alert
    close(tls_->failure().text);
  } else if (state == tls::Engine::State::peer_closed) {
    close("the other end closed TLS");
  }
}

void Peer::take(Bytes plain) {
  while (!plain.empty() && stream_.is_open()) {
    if (inlet_.mid_packet()) {
      plain = plain.subspan(inlet_.take_payload(plain).bytes.size());
      continue;
    }
    const Inlet::Step step = inlet_.next(plain, rules_);
    if (step.found.is_refused()) {
      return close(to_string(step.found.error.check));
    }
    if (step.found.has_frame()) {
      handler_.on_packet(step.found.frame);
      inlet_.finish(step.found.frame.payload_size, false);
    }
    plain = plain.subspan(step.taken);
  }
}

void Peer::end_turn() {
  if (ready_ && stream_.is_open()) handler_.on_turn();
  flush();
  if (!stream_.is_open()) return;
  const bool full = pending() > kHighWater;
  if (full == paused_) return;
  paused_ = full;
  if (full) {
    stream_.stop_reading();
  } else if (const int error = stream_.start_reading(); error != 0) {
    close(net::describe(error));
  }
}

void Peer::on_end(net::Stream&, int error) {
  close(error == 0 ? std::string_view("the other end closed the connection")
                   : net::describe(error));
}

void Peer::on_progress(net::Stream&) { end_turn(); }

void Peer::on_closed(net::Stream&) { handler_.on_gone(why_); }  // may destroy this

}  // namespace sallyport::bench
