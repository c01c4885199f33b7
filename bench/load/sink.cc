#include "bench/load/sink.h"

#include <stdexcept>
#include <string>

#include "sallyport/topic.h"

#include "mqtt/encode.h"

namespace sallyport::bench {

using mqtt::PacketType;
using mqtt::ReasonCode;

namespace {

constexpr Bounds kLimits = [] {
  Bounds bounds;
  bounds.max_topic_length = UINT16_MAX;
  bounds.max_topic_levels = UINT16_MAX;
  bounds.max_filters = UINT16_MAX;
  bounds.max_client_id_length = UINT16_MAX;
  bounds.max_user_properties = UINT16_MAX;
  bounds.max_user_property_bytes = UINT32_MAX;
  bounds.refuse_control_characters = false;
  bounds.bridges = true;
  return bounds;
}();

/// A topic that the filter matches.
std::string topic_of(std::string_view filter) {
  std::string topic(filter);
  for (char& c : topic) {
    if (c == '+' || c == '#') c = 'x';
  }
  return topic;
}

}  // namespace

/// One client of the sink.
class Sink::Session final : private Peer::Handler, private Publisher::Handler {
 public:
  explicit Session(Sink& sink)
      : sink_(sink),
        peer_(sink.bench_, handler(), sink.plan_.tls, Side::client, mqtt::Version::v3_1_1) {}

  void open(net::Socket socket) { peer_.open(std::move(socket)); }
  void close() { peer_.close("the sink ends"); }
  std::size_t index = 0;  // where the sink keeps it

 private:
  Peer::Handler& handler() { return *this; }

  void on_ready() override {}
  void on_packet(const mqtt::Frame& frame) override;
  void on_turn() override;
  void on_pumped() override {}
  void on_gone(std::string_view) override { sink_.remove(*this); }  // deletes this

  void on_connect(const mqtt::Frame& frame);
  void on_publish(const mqtt::Frame& frame);
  void on_subscribe(const mqtt::Frame& frame);
  void on_ack(const mqtt::Frame& frame);
  void answer(PacketType type, std::uint16_t packet_id) {
    mqtt::encode_ack(type, plan_.version, packet_id, ReasonCode::success, answers_);
  }
  void refuse() {
    ++sink_.report_.malformed;
    peer_.close("a packet that the sink cannot take");
  }

  Sink& sink_;
  Peer peer_;
  Buffer answers_;  // to what one read brought; they leave in one record
  PublishPlan plan_;
  std::unique_ptr<Publisher> publisher_;
  bool connected_ = false;
};

void Sink::Session::on_packet(const mqtt::Frame& frame) {
  if ((frame.header.type == PacketType::connect) == connected_) return refuse();
  switch (frame.header.type) {
    case PacketType::connect:
      return on_connect(frame);
    case PacketType::publish:
      return on_publish(frame);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return on_ack(frame);
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return on_subscribe(frame);
    case PacketType::pingreq:
      ++sink_.report_.pings;
      return mqtt::encode_pingresp(answers_);
    case PacketType::disconnect:
      return peer_.finish();
    default:
      return refuse();
  }
}

void Sink::Session::on_connect(const mqtt::Frame& frame) {
  const auto connect = mqtt::decode_connect(frame, kLimits);
  if (!connect) return refuse();
  connected_ = true;
  ++sink_.report_.connects;
  plan_ = sink_.plan_.delivery;
  plan_.version = connect->version;
  peer_.set_version(connect->version);
  mqtt::encode_connack(connect->version, false, ReasonCode::success, answers_);
}

void Sink::Session::on_publish(const mqtt::Frame& frame) {
  SinkReport& report = sink_.report_;
  if (report.tally.received++ == 0) sink_.first_ = net::Loop::now();
  report.tally.received_bytes += frame.header.total();
  const unsigned qos = frame.header.flags >> 1 & 3U;
  if (qos == 0) return;
  // The framer has seen that topic and packet identifier are there.
  const Bytes body = frame.body();
  const std::size_t at = 2 + (std::size_t{body[0]} << 8 | body[1]);
  const auto id = static_cast<std::uint16_t>(body[at] << 8 | body[at + 1]);
  answer(qos == 1 ? PacketType::puback : PacketType::pubrec, id);
}

void Sink::Session::on_subscribe(const mqtt::Frame& frame) {
  const auto request = mqtt::decode_subscribe(frame, plan_.version, kLimits);
  if (!request) return refuse();
  std::vector<std::uint8_t> codes;
  std::string topic;
  mqtt::FilterEntry entry;
  for (Bytes rest = request->payload; mqtt::next_filter(request->type, rest, entry);) {
    if (codes.empty()) topic = topic_of(mqtt::split_share(entry.filter).filter);
    codes.push_back(request->type == PacketType::subscribe ? entry.qos() : std::uint8_t{0});
  }
  const bool subscribe = request->type == PacketType::subscribe;
  mqtt::encode_suback(subscribe ? PacketType::suback : PacketType::unsuback, plan_.version,
                      request->packet_id, codes, answers_);
  if (!subscribe) return;
  ++sink_.report_.subscribes;
  if (!sink_.plan_.deliver || publisher_ != nullptr) return;
  plan_.qos = std::min(plan_.qos, codes.front());
  Publisher::Handler& handler = *this;
  publisher_ =
      std::make_unique<Publisher>(sink_.bench_, peer_, handler, plan_, topic, sink_.report_.tally);
  publisher_->start(net::Loop::now());
}

void Sink::Session::on_ack(const mqtt::Frame& frame) {
  const auto ack = mqtt::decode_ack(frame, Side::client, plan_.version, kLimits);
  if (!ack) return refuse();
  if (ack->type == PacketType::pubrel) return answer(PacketType::pubcomp, ack->packet_id);
  if (publisher_ == nullptr || !publisher_->take_ack(*ack)) refuse();
}

void Sink::Session::on_turn() {
  if (sink_.report_.tally.received != 0) {
    sink_.report_.receiving = net::Loop::now() - sink_.first_;
  }
  if (!answers_.empty()) {
    peer_.add_record(answers_.bytes());
    answers_.clear();
  }
  if (publisher_ != nullptr) publisher_->pump();
}

Sink::Sink(Workbench& bench, const SinkPlan& plan, const Reporter& reporter)
    : bench_(bench), plan_(plan), timer_(bench.timers(), *this) {
  auto socket = net::listen_on(plan.address, {});
  const auto fail = [&](int error) {
    throw std::runtime_error("cannot listen on " + plan.address.host() + " port " +
                             std::to_string(plan.address.port()) + ": " +
                             std::string(net::describe(error)));
  };
  if (!socket) fail(socket.error());
  const auto bound = net::local_address(*socket);
  net::Listener::Handler& handler = *this;
  listener_ = std::make_unique<net::Listener>(bench.timers(), handler, std::move(*socket), 0,
                                              net::Listener::Settings{});
  if (const int error = listener_->start(bench.loop()); error != 0) fail(error);
  reporter.listening(plan.address.host(), bound ? bound->port() : plan.address.port());
}

Sink::~Sink() = default;

const SinkReport& Sink::run() {
  timer_.set(net::Loop::now() + plan_.limit);
  Workbench::Handler& handler = *this;
  bench_.run(handler);
  return report_;
}

void Sink::on_connection(net::Listener&, net::Socket socket, const net::Address&) {
  if (sessions_.size() >= plan_.connections) return;  // closes the socket
  ++report_.connections;
  sessions_.push_back(std::make_unique<Session>(*this));
  Session& session = *sessions_.back();
  session.index = sessions_.size() - 1;
  session.open(std::move(socket));
}

void Sink::end() {
  if (std::exchange(ending_, true)) return;
  timer_.set(kNever);
  listener_->close();
  // Sessions are removed from the loop only, so the list stays as it is.
  for (const auto& session : sessions_) session->close();
  if (sessions_.empty()) bench_.close();
}

void Sink::remove(Session& session) {
  const std::size_t index = session.index;
  std::swap(sessions_[index], sessions_.back());
  sessions_[index]->index = index;
  sessions_.pop_back();
  if (ending_ && sessions_.empty()) bench_.close();
}

}  // namespace sallyport::bench
