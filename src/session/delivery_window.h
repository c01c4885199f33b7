#pragma once

#include <cstdint>
#include <vector>

#include "sallyport/mqtt.h"

namespace sallyport {

/// The QoS 1 and 2 deliveries that the broker began. For those that the gateway drops it plays the
/// client: it acknowledges them, or the broker's in-flight window would fill and the client starve.
/// A client acknowledges in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3], so the gateway's
/// PUBACK (PUBREC) waits until the client has sent its own for every earlier QoS 1 (2) delivery.
///
/// Of those that go to the client no more than a maximum are followed at once. A broker with a
/// wider window loses the order of the gateway's own acknowledgements beyond it, and what the
/// client answers to them is not held against what it got. Dropped ones are always followed: their
/// number is bounded by the 65,535 packet identifiers.
class DeliveryWindow final {
 public:
  /// An acknowledgement that the gateway owes the broker now.
  struct Owed {
    mqtt::PacketType type;
    std::uint16_t packet_id;
  };

  void set_maximum(std::uint16_t maximum) { maximum_ = maximum; }

  /// The exchange under this identifier is not over.
  [[nodiscard]] bool in_use(std::uint16_t packet_id) const;
  /// Was delivered, and the client has not ended the exchange.
  [[nodiscard]] bool with_client(std::uint16_t packet_id) const;

  /// A delivery goes on to the client.
  void deliver(std::uint16_t packet_id, std::uint8_t qos);
  /// A delivery is dropped. Ask take_owed() next.
  void drop(std::uint16_t packet_id, std::uint8_t qos);

  /// What an acknowledgement from the client is.
  enum class Answer : std::uint8_t {
    fits,      // it is the next step of its exchange, or of one that is not followed
    unasked,   // the client never got that message: the exchange is the gateway's own
    is_wrong,  // the client got that message, and this is no answer to it. 4.3.2, 4.3.3
  };
  /// Acknowledgements from the client. Unknown identifiers fit: they may be of an earlier
  /// connection. Ask take_owed() next.
  [[nodiscard]] Answer client_puback(std::uint16_t packet_id);
  /// `ends`: an MQTT 5 reason code of 0x80 or more, after which no PUBREL comes.
  [[nodiscard]] Answer client_pubrec(std::uint16_t packet_id, bool ends);
  [[nodiscard]] Answer client_pubcomp(std::uint16_t packet_id);

  /// PUBREL from the broker: true, and PUBCOMP is the gateway's to send. Ask take_owed() next.
  [[nodiscard]] bool broker_pubrel(std::uint16_t packet_id);

  /// Takes the next acknowledgement that may be sent; false: none.
  [[nodiscard]] bool take_owed(Owed& out);

  [[nodiscard]] bool is_empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t memory() const { return entries_.capacity() * sizeof(Entry); }

 private:
  enum class State : std::uint8_t {
    with_client,  // the client owes PUBACK or PUBREC
    received,     // the client has sent PUBREC
    released,     // and the broker PUBREL, so the client owes PUBCOMP
    owed,         // dropped; the gateway owes PUBACK or PUBREC
    dropped,      // dropped; the gateway has sent PUBREC and awaits PUBREL
  };
  struct Entry {
    std::uint16_t packet_id;
    std::uint8_t qos;
    State state;
  };
  /// The gateway plays the client.
  [[nodiscard]] static bool is_own(State state) {
    return state == State::owed || state == State::dropped;
  }
  using Iterator = std::vector<Entry>::iterator;
  [[nodiscard]] Iterator find(std::uint16_t packet_id);
  void forget(std::uint16_t packet_id);

  std::vector<Entry> entries_;  // in order of arrival; packet identifiers are unique
  std::uint16_t maximum_ = UINT16_MAX;
};

}  // namespace sallyport
