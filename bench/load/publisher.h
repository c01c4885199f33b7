#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sallyport/packet.h"

#include "bench/load/peer.h"
#include "bench/load/tally.h"
#include "bench/load/workbench.h"

namespace sallyport::bench {

/// What every publisher of a run does.
struct PublishPlan {
  mqtt::Version version = mqtt::Version::v3_1_1;
  std::uint8_t qos = 0;
  std::uint32_t size = 64;     // payload bytes
  std::uint16_t together = 1;  // messages in one TLS record
  std::uint16_t window = 20;   // QoS 1 and 2: messages that may wait for their acknowledgement
  std::uint64_t messages = 0;  // to be sent in all
  Duration interval{};         // between records; zero: as fast as the other end takes them
};

/// Sends messages on one topic through a Peer, at a pace or as fast as the connection and the
/// acknowledgements allow.
///
/// Thread: the loop's. The owner passes on what the peer hears: pump() in on_turn(), take_ack() for
/// acknowledgements.
class Publisher final : private net::Timer::Handler {
 public:
  class Handler {
   public:
    /// Messages were sent because their time had come. Called from the loop; the publisher is
    /// destroyed later.
    virtual void on_pumped() = 0;

   protected:
    ~Handler() = default;
  };

  /// All outlive the publisher. Throws std::length_error for a topic that is too long.
  Publisher(Workbench& bench, Peer& peer, Handler& handler, const PublishPlan& plan,
            std::string_view topic, Tally& tally);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// The first message leaves at `first`.
  void start(Instant first);
  /// No new messages; those that were sent are still waited for.
  void stop();
  /// Sends what may be sent now.
  void pump();
  /// PUBACK, PUBREC or PUBCOMP. False: nobody asked for it.
  [[nodiscard]] bool take_ack(const mqtt::Ack& ack);
  /// Was started, has sent all that it will, and all of it is acknowledged.
  [[nodiscard]] bool is_done() const {
    return started_ && left_ == 0 && free_.size() == total_ids_;
  }

 private:
  enum class Exchange : std::uint8_t { none, published, released };
  struct InFlight {
    Instant since{};
    Exchange state = Exchange::none;
  };

  void on_timer(Instant now) override;
  [[nodiscard]] std::size_t next_size() const;
  void send(std::size_t count, Instant now);

  Workbench& bench_;
  Peer& peer_;
  Handler& handler_;
  const PublishPlan& plan_;
  Tally& tally_;
  net::Timer timer_;
  Buffer record_;           // as many PUBLISHes as go together, ready to be sent
  std::size_t packet_ = 0;  // bytes of one of them
  std::size_t id_at_ = 0;   // where its packet identifier stands
  std::uint64_t left_ = 0;
  Instant due_{};
  bool started_ = false;
  std::size_t total_ids_ = 0;
  std::vector<std::uint16_t> free_;  // packet identifiers, with QoS 1 and 2
  std::vector<InFlight> in_flight_;  // by packet identifier
};

}  // namespace sallyport::bench
