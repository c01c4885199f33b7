// What every layer must do, whichever it is: one test, run over all of them and over stacks of
// them.

#include "transport/layer.h"

#include <array>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "../tls/pair.h"
#include "support/proxy_wire.h"
#include "tls/engine.h"
#include "transport/proxy_header.h"
#include "transport/stack.h"

using namespace sallyport;
using namespace sallyport::transport;
using namespace std::string_view_literals;
using State = Layer::State;
using tls::test::load;
using tls::test::pki;

namespace {

/// A peer on the other end of the wire: what it makes of its own inner bytes.
class Far {
 public:
  virtual ~Far() = default;
  /// Its first bytes, where it speaks first.
  virtual void start(Buffer& /*wire*/) {}
  virtual void feed(Bytes /*in*/, Buffer& /*inner*/, Buffer& /*wire*/) {}
  virtual void send(std::string_view inner, Buffer& wire) = 0;
  /// Ends its direction; false: it has no word for that.
  virtual bool close(Buffer& /*wire*/) { return false; }
  /// Both sides speak before the layer under test is open.
  [[nodiscard]] virtual bool answers() const { return false; }
};

class FarTls final : public Far {
 public:
  explicit FarTls(tls::Context::Ptr context) : engine_(std::move(context)) {}
  void start(Buffer& wire) override { engine_.start(wire); }
  void feed(Bytes in, Buffer& inner, Buffer& wire) override { engine_.feed(in, inner, wire); }
  void send(std::string_view inner, Buffer& wire) override {
    const Bytes bytes = as_bytes(inner);
    engine_.send({&bytes, 1}, wire);
  }
  bool close(Buffer& wire) override {
    engine_.close(wire);
    return true;
  }
  [[nodiscard]] bool answers() const override { return true; }

 private:
  tls::Engine engine_;
};

/// A proxy: its header, then the bytes of whom it speaks for.
class FarProxy final : public Far {
 public:
  explicit FarProxy(std::string header) : header_(std::move(header)) {}
  void start(Buffer& wire) override { wire.append(as_bytes(header_)); }
  void feed(Bytes in, Buffer& inner, Buffer&) override { inner.append(in); }
  void send(std::string_view inner, Buffer& wire) override { wire.append(as_bytes(inner)); }

 private:
  std::string header_;
};

/// A layer of each kind, and its peer.
struct Kind {
  std::string name;
  std::function<std::unique_ptr<Layer>()> make;
  std::function<std::unique_ptr<Far>()> make_far;
  State opened = State::open;
  Check garbage = Check::tls_not_tls;
};

const IpAddress kClient = AddressPrefix::of(IpAddress::from_v4({192, 0, 2, 7}), 32).network;

const std::vector<Kind>& kinds() {
  static const tls::Context::Ptr server = load(pki().server(tls::ClientCertificate::required));
  static const tls::Context::Ptr device = load(pki().device());
  static const auto proxy = [] { return std::make_unique<ProxyHeader>(4096); };
  static const std::vector<Kind> all = {
      {"TLS server", [] { return std::make_unique<tls::Engine>(server); },
       [] { return std::make_unique<FarTls>(device); }},
      {"TLS client", [] { return std::make_unique<tls::Engine>(device); },
       [] { return std::make_unique<FarTls>(server); }},
      {"PROXY v1", proxy, [] { return std::make_unique<FarProxy>(wire::proxy_v1(kClient)); },
       State::passed, Check::proxy_header},
      {"PROXY v2", proxy,
       [] { return std::make_unique<FarProxy>(wire::proxy_v2(kClient, "\x04\x00\x02no"sv)); },
       State::passed, Check::proxy_header},
  };
  return all;
}

/// Both ends of one wire.
struct Wire {
  explicit Wire(const Kind& kind) : layer(kind.make()), far(kind.make_far()) {
    layer->start(to_far);
    far->start(to_near);
  }

  /// Carries everything both ways; to the layer in pieces of `size` bytes, each in memory of its
  /// own, so that a sanitizer sees a read beyond it.
  void pump(std::size_t size = SIZE_MAX) {
    while (!to_near.empty() || !to_far.empty()) {
      Buffer moving;
      moving.swap(to_far);
      far->feed(moving.bytes(), far_inner, to_near);
      Buffer coming;
      coming.swap(to_near);
      give(coming.bytes(), size);
    }
  }
  void give(Bytes bytes, std::size_t size = SIZE_MAX) {
    while (!bytes.empty()) {
      const std::size_t n = std::min(size, bytes.size());
      const std::unique_ptr<std::uint8_t[]> piece(new std::uint8_t[n]);
      std::copy_n(bytes.data(), n, piece.get());
      layer->feed({piece.get(), n}, inner, to_far);
      bytes = bytes.subspan(n);
    }
  }

  std::unique_ptr<Layer> layer;
  std::unique_ptr<Far> far;
  Buffer to_near, to_far;   // on the wire
  Buffer inner, far_inner;  // what came out
};

bool is_open(const Wire& wire, const Kind& kind) { return wire.layer->state() == kind.opened; }

}  // namespace

TEST_CASE("layer: opens and passes bytes both ways, cut at every size") {
  for (const Kind& kind : kinds()) {
    for (const std::size_t size : {1U, 2U, 3U, 7U, 50U, 1000U, 100'000U}) {
      CAPTURE(kind.name);
      CAPTURE(size);
      Wire wire(kind);
      CHECK(wire.layer->state() == State::opening);
      wire.pump(size);
      REQUIRE(is_open(wire, kind));
      wire.far->send("hello", wire.to_near);
      wire.far->send(", and more", wire.to_near);
      wire.pump(size);
      CHECK(as_text(wire.inner.bytes()) == "hello, and more");
      const std::array<Bytes, 3> answer = {as_bytes("wel"), Bytes(), as_bytes("come")};
      wire.layer->send(answer, wire.to_far);
      wire.pump(size);
      CHECK(as_text(wire.far_inner.bytes()) == "welcome");
      CHECK(is_open(wire, kind));
    }
  }
}

TEST_CASE("layer: what a read brings behind the opening is not lost") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    Wire wire(kind);
    if (wire.far->answers()) wire.pump();  // TLS: nothing can be said before it is open
    wire.far->send("in the same read", wire.to_near);
    const std::string all(as_text(wire.to_near.bytes()));
    wire.to_near.clear();
    wire.give(as_bytes(all));
    CHECK(is_open(wire, kind));
    CHECK(as_text(wire.inner.bytes()) == "in the same read");
  }
}

TEST_CASE("layer: the same bytes mean the same, cut at every place") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    std::size_t length = 1;
    for (std::size_t at = 0; at <= length; ++at) {
      CAPTURE(at);
      Wire wire(kind);
      if (wire.far->answers()) wire.pump();
      wire.far->send("one", wire.to_near);
      wire.far->send("two and three", wire.to_near);
      const std::string all(as_text(wire.to_near.bytes()));
      wire.to_near.clear();
      length = all.size();
      wire.give(as_bytes(all).first(at));
      wire.give(as_bytes(all).subspan(at));
      CHECK(as_text(wire.inner.bytes()) == "onetwo and three");
      CHECK(is_open(wire, kind));
      if (wire.far->answers()) at += 6;  // a handshake for each place takes its time
    }
  }
}

TEST_CASE("layer: what is cut short stays opening, and gives nothing") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    Wire wire(kind);
    Buffer moving;
    moving.swap(wire.to_far);
    wire.far->feed(moving.bytes(), wire.far_inner, wire.to_near);
    const std::string first(as_text(wire.to_near.bytes()));
    REQUIRE(first.size() > 1);
    wire.give(as_bytes(first).first(first.size() - 1), 1);
    CHECK(wire.layer->state() == State::opening);
    CHECK(wire.inner.empty());
    PeerFacts facts;
    wire.layer->tell(facts);
    CHECK_FALSE(facts.address.has_value());
    CHECK(facts.certificate == nullptr);
    // Nothing can be sent through what is not open.
    wire.to_far.clear();
    const Bytes early = as_bytes("early");
    wire.layer->send({&early, 1}, wire.to_far);
    CHECK(wire.to_far.empty());
  }
}

TEST_CASE("layer: garbage fails with a name, and a layer that failed does nothing any more") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    Wire wire(kind);
    const std::string garbage = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    wire.give(as_bytes(garbage));
    REQUIRE(wire.layer->state() == State::failed);
    CHECK(wire.layer->failure().check == kind.garbage);
    CHECK_FALSE(wire.layer->failure().text.empty());
    wire.to_far.clear();
    Wire good(kind);
    wire.give(good.to_near.bytes());
    const Bytes more = as_bytes("more");
    wire.layer->send({&more, 1}, wire.to_far);
    wire.layer->close(wire.to_far);
    CHECK(wire.layer->state() == State::failed);
    CHECK(wire.inner.empty());
    CHECK(wire.to_far.empty());
  }
}

TEST_CASE("layer: nothing of a read that failed is used") {
  for (const Kind& kind : kinds()) {
    if (kind.opened != State::open) continue;  // a header has nothing behind it to fail
    CAPTURE(kind.name);
    Wire wire(kind);
    wire.pump();
    REQUIRE(is_open(wire, kind));
    wire.far->send("before", wire.to_near);
    wire.to_near.append(as_bytes(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x')));
    wire.give(wire.to_near.bytes());
    CHECK(wire.layer->state() == State::failed);
    CHECK(wire.layer->failure().check == Check::tls_bad_record);
    CHECK(wire.inner.empty());
    PeerFacts facts;
    wire.layer->tell(facts);
    CHECK(facts.certificate == nullptr);
  }
}

TEST_CASE("layer: noise never opens it, and never crashes it") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      std::mt19937 random(seed);
      Wire wire(kind);
      std::string bytes(1 + random() % 400, '\0');
      for (char& c : bytes) c = static_cast<char>(random());
      if (seed % 2 == 0) bytes[0] = seed % 4 == 0 ? 'P' : '\r';
      wire.give(as_bytes(bytes), 1 + random() % 50);
      REQUIRE_FALSE(is_open(wire, kind));
      REQUIRE(wire.inner.empty());
    }
  }
}

TEST_CASE("layer: the end of either side, said once and heard") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    Wire wire(kind);
    Buffer said;
    wire.layer->close(said);
    CHECK(said.empty());  // there is nothing to end yet
    wire.pump();
    REQUIRE(is_open(wire, kind));
    wire.far->send("last words", wire.to_near);
    const bool says = wire.far->close(wire.to_near);
    wire.give(wire.to_near.bytes());
    wire.to_near.clear();
    CHECK(as_text(wire.inner.bytes()) == "last words");
    CHECK(wire.layer->state() == (says ? State::peer_closed : kind.opened));
    wire.layer->close(wire.to_far);
    CHECK(wire.to_far.empty() == !says);
    const std::size_t size = wire.to_far.size();
    wire.layer->close(wire.to_far);
    CHECK(wire.to_far.size() == size);
  }
}

TEST_CASE("layer: each tells what it knows, and leaves the rest alone") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    Wire wire(kind);
    wire.pump();
    PeerFacts facts;
    wire.layer->tell(facts);
    const bool is_proxy = kind.opened == State::passed;
    CHECK(facts.address.has_value() == is_proxy);
    if (is_proxy) CHECK(to_string(*facts.address) == "192.0.2.7");
    CHECK(facts.tls_version.empty() == is_proxy);
    CHECK(facts.cipher.empty() == is_proxy);
    CHECK(facts.group.empty() == is_proxy);
    CHECK_FALSE(facts.resumed);
    if (kind.name == "TLS server") {
      REQUIRE(facts.certificate != nullptr);
      CHECK(facts.certificate->common_name == "sensor-7");
      CHECK(facts.sni == "gateway.test");
      CHECK(facts.tls_version == "TLSv1.3");
      CHECK(facts.group == "X25519");
    } else {
      CHECK(facts.certificate == nullptr);
    }
    CHECK(facts.shown == nullptr);
  }
}

TEST_CASE("stack: TLS in TLS behind a PROXY header, cut at every size") {
  const auto server = load(pki().server());
  const auto client = load(pki().client());
  for (const std::size_t size : {1U, 3U, 100U, 100'000U}) {
    CAPTURE(size);
    Stack::Scratch near_scratch, far_scratch;
    Stack near, far;
    Buffer to_near, to_far;
    CHECK(near.empty());
    near.push(std::make_unique<ProxyHeader>(4096), near_scratch, to_far);
    to_near.append(as_bytes(wire::proxy_v2(kClient)));
    far.push(std::make_unique<tls::Engine>(client), far_scratch, to_near);
    far.push(std::make_unique<tls::Engine>(client), far_scratch, to_near);
    std::string came;
    std::string came_far;
    const auto feed_near = [&](Bytes bytes) {
      Stack::Fed fed = near.feed(bytes, near_scratch, to_far);
      if (fed.state == State::passed) {
        PeerFacts facts;
        near.tell(facts);
        CHECK(facts.address == kClient);
        const Bytes rest = near.pop(fed.inner, near_scratch);
        near.push(std::make_unique<tls::Engine>(server), near_scratch, to_far);
        near.push(std::make_unique<tls::Engine>(server), near_scratch, to_far);
        fed = near.feed(rest, near_scratch, to_far);
      }
      REQUIRE(fed.state != State::failed);
      came += as_text(fed.inner);
    };
    const auto pump = [&] {
      while (!to_near.empty() || !to_far.empty()) {
        Buffer moving;
        moving.swap(to_near);
        for (Bytes rest = moving.bytes(); !rest.empty();) {
          const std::size_t n = std::min(size, rest.size());
          feed_near(rest.first(n));
          rest = rest.subspan(n);
        }
        Buffer back;
        back.swap(to_far);
        if (!back.empty()) came_far += as_text(far.feed(back.bytes(), far_scratch, to_near).inner);
      }
    };
    pump();
    REQUIRE(near.is_open());
    REQUIRE(far.is_open());
    const std::string words(40'000, 'w');
    const Bytes bytes = as_bytes(words);
    far.send({&bytes, 1}, far_scratch, to_near);
    near.send({&bytes, 1}, near_scratch, to_far);
    pump();
    CHECK(came == words);
    CHECK(came_far == words);
    far.close(far_scratch, to_near);
    pump();
    CHECK(near.feed({}, near_scratch, to_far).state == State::peer_closed);
  }
}
