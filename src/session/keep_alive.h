#pragma once

#include <cstdint>

#include "sallyport/time.h"

namespace sallyport {

/// The keep-alive of a session, on both sides: how long the client may be silent, and when the
/// gateway has to send PINGREQ to the broker in its place. Also tells whose answer a PINGRESP is.
/// Times are passed in; nothing here sends anything.
class KeepAlive final {
 public:
  explicit KeepAlive(Instant now) : last_from_client_(now), last_to_broker_(now) {}

  /// CONNECT asks for this many seconds, which the broker counts from now on; 0: it does not count.
  void ask(std::uint16_t seconds) { broker_seconds_ = seconds; }
  /// CONNACK was accepted. `broker_seconds`: what the broker counts; 0: it does not count.
  /// `client_seconds`: what the gateway counts; 0: it does not count.
  void open(std::uint16_t broker_seconds, std::uint16_t client_seconds, Instant now);

  /// Bytes came from the client; `forwarded`: and went to the broker.
  void note_client(bool forwarded, Instant now) {
    last_from_client_ = now;
    if (forwarded) last_to_broker_ = now;
  }
  /// Something was sent to the broker that did not come from the client.
  void note_sent_to_broker(Instant now) { last_to_broker_ = now; }
  /// The gateway did not read the client until now, so its silence does not count.
  void excuse_client(Instant now) { last_from_client_ = now; }
  /// The relay stops reading the client for a reason of its own (false), or goes on.
  void set_reading(bool reading, Instant now);

  /// Returns whether the client lives while the broker has heard nothing for a whole interval: the
  /// gateway refuses all that the client sends.
  [[nodiscard]] bool broker_starves(Instant now) const;
  /// Returns when the client's silence is too long: after one and a half times the keep-alive.
  /// Never before open(), nor while the client is not read. [MQTT-3.1.2-24] (3.1.1),
  /// [MQTT-3.1.2-22] (5.0)
  [[nodiscard]] Instant client_deadline() const;
  /// Returns when the broker has to get a PINGREQ of the gateway's own.
  [[nodiscard]] Instant ping_due() const;
  /// Returns the longest time for which a client may be throttled: half the keep-alive that is
  /// shorter, so that its PINGREQ is answered in time. `without`: of one that asked for none.
  [[nodiscard]] Duration longest_pause(Duration without) const;

  /// The gateway sends PINGREQ. Returns false where the answer to another one is still due, so that
  /// none is to be sent; the time counts as if it was.
  [[nodiscard]] bool begin_own_ping(Instant now);
  /// The client's PINGREQ goes to the broker.
  void client_ping() { ++(own_ping_ ? pings_after_own_ : pings_before_own_); }
  /// PINGRESP came. Returns whether it answers the client, and not the gateway.
  [[nodiscard]] bool answers_client();

 private:
  Instant last_from_client_;
  Instant last_to_broker_;
  // PINGREQ and PINGRESP keep their order, so counting tells whose answer a PINGRESP is.
  std::uint32_t pings_before_own_ = 0;
  std::uint32_t pings_after_own_ = 0;
  std::uint16_t broker_seconds_ = 0;
  std::uint16_t client_seconds_ = 0;  // 0: not open, or without
  bool own_ping_ = false;             // sent, and not answered
  bool client_unread_ = false;
};

}  // namespace sallyport
