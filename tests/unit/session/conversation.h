#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sallyport/session.h"

#include "policies.h"
#include "wire.h"

/// A session under test, with a client and a broker that are strings and a clock in hand.
namespace sallyport::test {

/// What the session reported, as plain values.
struct Recorder final : Events {
  struct Refused {
    Phase phase;
    std::optional<mqtt::Version> version;
    Side from;
    mqtt::PacketType packet;
    Action action;
    mqtt::ReasonCode reason;
    std::string name;
    std::string topic;
  };
  std::vector<Refused> refusals;
  std::vector<Rewrite> rewrites;
  std::vector<std::string> throttles;
  std::string roles;  // of the last on_admitted()
  std::vector<std::pair<mqtt::PacketType, Duration>> answers;
  std::vector<std::pair<mqtt::PacketType, mqtt::ReasonCode>> broker_refusals;
  std::vector<std::pair<LoginAnswer, Duration>> logins;
  PerSide<std::vector<mqtt::PacketType>> packets;
  int begun = 0;
  int ended = 0;
  CloseKind end_kind{};
  std::string end_detail;
  std::string end_will;

  void on_packet(Side from, mqtt::PacketType type, std::uint64_t) override {
    packets[from].push_back(type);
  }
  void on_refusal(const Who& who, const Refusal& r) override {
    refusals.push_back({r.phase, who.version, r.from, r.packet, r.action, r.reason,
                        std::string(r.cause.name), std::string(r.topic)});
  }
  void on_rewrite(Rewrite what) override { rewrites.push_back(what); }
  void on_throttle(const Who&, Side, policy::Cause cause, Duration) override {
    throttles.emplace_back(cause.name);
  }
  void on_admitted(const Who&, std::string_view names) override { roles = names; }
  void on_broker_answer(mqtt::PacketType answer, Duration took) override {
    answers.emplace_back(answer, took);
  }
  void on_broker_refusal(const Who&, mqtt::PacketType answer, mqtt::ReasonCode code) override {
    broker_refusals.emplace_back(answer, code);
  }
  void on_login(const Who&, LoginAnswer answer, Duration took) override {
    logins.emplace_back(answer, took);
  }
  void on_session_begin(const Who&) override { ++begun; }
  void on_session_end(const Who&, const CloseReason& why, bool) override {
    ++ended;
    end_kind = why.kind;
    end_detail = why.detail;
    end_will = why.will;
  }
};

class Conversation {
 public:
  explicit Conversation(policy::PolicySpec spec, Bounds bounds = {});
  explicit Conversation(std::nullptr_t);  // no policy
  Conversation(policy::PolicySpec spec, const SessionOptions& options,
               Identity identity = {"devices", "127.0.0.1", {}, {}, {}},
               Instant begin = Instant(std::chrono::seconds(1000)));

  // Bytes arrive. What a paused session does not take is kept and fed again, as the relay does.
  void client_sends(std::string_view bytes) { sends(Side::client, bytes); }
  void broker_sends(std::string_view bytes) { sends(Side::broker, bytes); }
  /// Every byte by itself.
  void client_sends_bytewise(std::string_view bytes);
  /// How much work every turn of feed() may do from now on.
  void allow_work(std::uint32_t work) { work_ = work; }
  // What an authenticator answers.
  void accepts_login(std::optional<Duration> valid_for = {},
                     std::vector<LoginAttribute> attributes = {});
  void refuses_login(LoginRefused refused = {});
  void login_unavailable();
  void broker_accepts();  // the dial succeeds
  void broker_refuses();  // the dial fails
  void dial_waits();      // the dial that was asked for has not begun
  void dial_begins();
  void dial_refused(Check check);
  void ends(Side side, CloseKind kind = CloseKind::closed);
  void pass(Duration time);  // the clock moves; timers fire on time
  [[nodiscard]] Instant now() const { return now_; }
  void set_policy(policy::PolicySpec spec);
  void shut_down(std::string_view elsewhere = {});
  [[nodiscard]] bool is_busy() const { return session_->is_busy(); }
  /// The client's certificate counts no more.
  void is_revoked(Check check);
  void ends_by_order(Check check, mqtt::ReasonCode reason);

  /// What a side got since the last call.
  [[nodiscard]] std::string client_gets() { return std::exchange(got_[Side::client], {}); }
  [[nodiscard]] std::string broker_gets() { return std::exchange(got_[Side::broker], {}); }

  [[nodiscard]] bool asks_login() const { return asks_login_; }
  [[nodiscard]] bool dialled() const { return dialled_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::uint8_t paused(Side side) const { return session_->paused(side); }
  [[nodiscard]] std::size_t memory() const { return session_->memory(); }
  [[nodiscard]] Session& session() { return *session_; }
  Recorder events;

  /// CONNECT, dial, CONNACK; leaves the outputs empty.
  void open(const wire::Connect& connect = {}, std::string_view connack_properties = {});

 private:
  void sends(Side from, std::string_view bytes);
  void collect();
  void answer_login(const LoginResult& result);

  SessionOptions options_;
  Turn turn_;
  std::uint32_t work_ = UINT32_MAX;
  Instant now_{std::chrono::seconds(1000)};
  PerSide<std::string> kept_;  // of what a side sends
  PerSide<std::string> got_;
  bool asks_login_ = false;
  bool dialled_ = false;
  bool closed_ = false;
  std::unique_ptr<Session> session_;
};

/// Publish to `up/#`, read `down/#`; `deny secret` holds for `down/secret/#` and `up/secret/#`.
[[nodiscard]] policy::PolicySpec up_and_down();

}  // namespace sallyport::test
