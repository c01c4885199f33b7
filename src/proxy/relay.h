#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "sallyport/session.h"

#include "auth/authenticator.h"
#include "net/stream.h"
#include "net/timers.h"
#include "proxy/commands.h"
#include "proxy/dialer.h"
#include "proxy/door.h"
#include "proxy/settings.h"
#include "tls/standing.h"
#include "transport/stack.h"

namespace sallyport::proxy {

class Worker;

/// One client connection and its broker connection: owns the two sockets, their layers and the
/// Session between them, and moves bytes. It decides nothing about MQTT.
///
/// A turn is one event (bytes, a timer, the end of a socket) and all that follows from it; at its
/// end each side is written to once. What a side may cost in a round of the loop is bounded by
/// TurnBudget; what is left waits in the loop's queue, behind the others. Outside of a turn an idle
/// relay owns no buffer: the bytes of a turn live in the worker's.
///
/// Thread: the worker's. Owner: the worker, which deletes it when it calls Worker::remove(), its
/// last act, after both sockets have been closed.
class Relay final : private net::Stream::Handler,
                    private net::Task::Handler,
                    private net::Timer::Handler,
                    private Dialer::Handler,
                    private auth::Authenticator::Handler {
 public:
  /// `place` is that of the listener in Snapshot::listeners. Its settings are kept: those that the
  /// connection began with are those it ends with; but its certificate is judged by the newest.
  Relay(Worker& worker, std::size_t place, Door::Slot slot, const IpAddress& peer,
        Instant accepted);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// 0, or a libuv error code. Then the worker deletes the relay, at once where is_closed(), else
  /// when remove() is called.
  [[nodiscard]] int start(net::Socket socket);

  /// A turn of its own: from here on the policy of the worker's snapshot decides, and what its
  /// listener says of certificates. Returns false where there is no session that could be judged.
  bool follow_policy();
  /// Is there a session, and does it fit the filter?
  [[nodiscard]] bool fits(const SessionFilter& filter) const;
  /// Only where fits() says so, and so is end().
  [[nodiscard]] SessionRow row() const;
  /// A turn of its own: ends the session for the reason `why`; a 5.0 client is told `reason`.
  void end(Check why, mqtt::ReasonCode reason);
  /// A turn of its own: says goodbye and closes, politely and within FlowSettings::flush_time.
  void shut_down();
  /// Would that cut something off: a handshake, a login, an exchange, bytes on their way?
  [[nodiscard]] bool is_busy() const;
  /// When bytes last came, of either side.
  [[nodiscard]] Instant heard_at() const { return heard_at_; }
  /// Closes both sockets at once.
  void abort();

  [[nodiscard]] bool is_closed() const;
  [[nodiscard]] std::string_view listener_name() const { return listener_->name; }
  [[nodiscard]] bool has_session() const { return state_ == State::running; }
  /// Where the worker keeps it.
  std::size_t index = 0;
  /// The number of the sweep that visited it last (Sweep).
  std::uint64_t swept = 0;
  /// Where it stands in the worker's Departures.
  std::uint64_t departure = 0;
  /// Where it stands among those whose session was fed since the last heartbeat.
  static constexpr std::uint32_t kNoMover = UINT32_MAX;
  std::uint32_t mover = kNoMover;
  /// Only for those.
  void tell_moved() const;

 private:
  enum class State : std::uint8_t {
    header,       // the client's PROXY header is read
    handshaking,  // with the client; there is no session yet
    running,
    closing,  // the session has said its last word
  };

  /// Why a side is not read: a set, so that one reason's end does not undo another. What the
  /// session does not take (it waits, it throttles) turns into kKept as soon as there is any.
  enum Pause : std::uint8_t {
    kKept = 1,       // bytes that came before wait for the session
    kOtherSlow = 2,  // the other side is over high_water
    kChoked = 4,     // this side itself is over choke_water
  };

  struct Leg {
    explicit Leg(net::Stream::Handler& handler) : stream(handler) {}
    net::Stream stream;
    transport::Stack layers;
    Buffer kept;                  // inner bytes that the session has not taken: one read's at most
    std::uint32_t kept_from = 0;  // what lies before has been taken
    std::uint32_t round = 0;      // of the loop, in which
    std::uint32_t work = 0;       // so much of TurnBudget::packets is left
    std::uint8_t pauses = 0;      // Pause
    std::uint64_t drained = 0;    // while it is slow: Stream::drained() when that was looked at,
    Instant stall_at = kNever;    // and when to look again whether it has moved
    std::size_t counted_queue = 0;  // Stream::pending() as of the last count_wire()
    bool ready = false;             // all layers are open
    bool ended = false;             // a layer said that no more comes; what is kept is still fed
  };

  // What is cold stays out of the path of a turn that only moves packets, which is nearly every
  // one.

  // Callbacks from the loop; each is one turn.
  void on_read(net::Stream& stream, Bytes bytes) override;
  void on_end(net::Stream& stream, int error) override;
  void on_progress(net::Stream& stream) override;
  void on_closed(net::Stream& stream) override;
  void on_timer(Instant now) override;
  void on_run(net::Task& task) override;
  void on_dial_begun(Instant now) override;
  void on_dialled(net::Socket socket) override;
  void on_dial_failed(Check check, std::string_view detail) override;
  void on_login(LoginResult result) override;

  // relay_open.cc: until both sides are ready
  void open_client(Instant now);
  [[gnu::cold]] void header_read(const transport::PeerFacts& facts, Bytes rest, Instant now);
  [[gnu::cold]] void opened(Side side, Instant now);
  [[gnu::cold]] void report_handshake(Side side, const transport::PeerFacts& facts,
                                      std::optional<Check> failure, Instant now);
  void begin_session(const transport::PeerFacts& facts);
  [[gnu::cold]] void client_failed(Check check, Instant now);
  void refuse_client(Check check, const Certificate* shown, Instant now);
  [[gnu::cold]] void authenticate(Instant now);
  [[gnu::cold]] void dial(Instant now);
  void dial_begins(Instant now);
  [[nodiscard]] Instant dial_deadline() const;
  void open_broker(net::Socket socket, Instant now);
  void broker_ready(Instant now);
  void broker_failed(Check check, std::string_view detail, Instant now);

  // relay.cc: the middle of a turn
  void receive(Side side, Bytes outer, Instant now);
  [[gnu::cold]] void advance(Side side, const transport::Stack::Fed& fed, Instant now);
  void take(Side side, Bytes inner, Instant now);
  [[nodiscard]] std::size_t feed(Side side, Bytes inner, Instant now);
  void adopt_policy(Instant now);
  void adopt_policy_before_dial(Instant now);
  [[gnu::cold]] tls::Standing judge_certificate(const Certificate* certificate, Instant now);
  [[gnu::cold]] void check_certificate(Instant now);
  [[gnu::cold]] void report_excused();
  /// A socket or a layer is gone; `check` names that where a side was not ready yet.
  [[gnu::cold]] void lose(Side side, CloseKind kind, Check check, std::string_view detail,
                          Instant now);
  [[gnu::cold]] void lose_socket(Side side, int error, Instant now);

  // relay_turn.cc: the end of a turn
  void settle(Instant now);
  void flush(Instant now);
  [[nodiscard]] bool has_output(Side side);
  [[nodiscard]] int write(Side side);
  void watch_pending(Instant now);
  [[gnu::cold]] void check_stall(Side side, Instant now);
  void pause(Side side, std::uint8_t reasons, bool on, Instant now);
  [[nodiscard]] bool is_owed() const;
  [[nodiscard]] bool waits_for_turn();
  [[nodiscard, gnu::noinline]] bool resume(Instant now);
  [[nodiscard, gnu::cold]] bool end_of_layers(Instant now);
  void set_timer();
  void update_reading();
  [[gnu::cold]] void begin_close(Instant now);
  void wait_for_nobody();
  void count_wire();
  void report_turn(Instant began);

  [[nodiscard]] Leg& leg(Side side) { return side == Side::client ? client_ : broker_; }
  [[nodiscard]] bool is_slow(Side side) { return (leg(other(side)).pauses & kOtherSlow) != 0; }
  [[nodiscard]] Side side_of(const net::Stream& stream) const {
    return &stream == &client_.stream ? Side::client : Side::broker;
  }

  Worker& worker_;
  const std::size_t place_;  // of the listener
  std::shared_ptr<const ListenerSettings> listener_;
  Door::Slot slot_;
  IpAddress peer_;  // the one that counts
  State state_ = State::handshaking;
  bool heard_ = false;  // a byte of the client's has come
  bool read_ = false;   // in this turn something was read
  Leniency lenient_;    // what its certificate needs
  Leg client_;
  Leg broker_;
  std::optional<Session> session_;
  std::uint64_t id_ = 0;                    // of the session
  const policy::Policy* policy_ = nullptr;  // that the session has; to compare, nothing else
  // Both are cancelled as soon as the session is over: who waits holds a place of others.
  auth::Authenticator::Ticket login_;       // while an authenticator is asked
  std::unique_ptr<Dialer::Ticket> ticket_;  // from the dial until the broker is ready
  net::Timer timer_;
  net::Task turn_;  // queued while kept bytes wait for the next round
  Instant accepted_;
  Instant heard_at_ = accepted_;
  Instant dialled_{};
  Instant certified_ = kNever;  // so long its certificate counts, if nothing is reloaded
  // The relay itself waits: for a header, a handshake, a dial; or for the end of its certificate.
  Instant deadline_ = kNever;
};

}  // namespace sallyport::proxy
