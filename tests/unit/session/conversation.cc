#include "conversation.h"

#include <doctest/doctest.h>

namespace sallyport::test {

Conversation::Conversation(policy::PolicySpec spec, Bounds bounds) {
  options_.bounds = bounds;
  session_ = std::make_unique<Session>(options_, Identity{"devices", "127.0.0.1", {}, {}, {}},
                                       compiled(spec), events, 1, now_);
}

Conversation::Conversation(std::nullptr_t) {
  session_ = std::make_unique<Session>(options_, Identity{"devices", "127.0.0.1", {}, {}, {}},
                                       nullptr, events, 1, now_);
}

Conversation::Conversation(policy::PolicySpec spec, const SessionOptions& options,
                           Identity identity, Instant begin)
    : options_(options), now_(begin) {
  session_ =
      std::make_unique<Session>(options_, std::move(identity), compiled(spec), events, 1, now_);
}

void Conversation::sends(Side from, std::string_view bytes) {
  std::string& kept = kept_[from];
  kept += bytes;
  for (bool more = true; more;) {
    more = false;
    // Memory of its own for every read, so that a reference into old input shows under ASan.
    const auto copy = std::make_unique<std::string>(kept);
    if (!copy->empty() && !closed_) {
      turn_.work = work_;
      const std::size_t taken = session_->feed(from, as_bytes(*copy), now_, turn_);
      REQUIRE(taken <= copy->size());
      if (taken < copy->size() && !turn_.close && session_->paused(from) == 0) {
        REQUIRE(turn_.work == 0);
        more = true;
      }
      kept.erase(0, taken);
    }
    collect();
  }
}

void Conversation::client_sends_bytewise(std::string_view bytes) {
  for (const char byte : bytes) client_sends({&byte, 1});
}

void Conversation::collect() {
  for (const Bytes segment : turn_.to_client.segments()) got_[Side::client] += as_text(segment);
  for (const Bytes segment : turn_.to_broker.segments()) got_[Side::broker] += as_text(segment);
  if (turn_.authenticate) {
    CHECK_FALSE(asks_login_);
    asks_login_ = true;
  }
  if (turn_.dial) {
    CHECK_FALSE(dialled_);
    dialled_ = true;
  }
  if (turn_.close) closed_ = true;
  turn_.clear();
  for (const Side side : {Side::client, Side::broker}) {
    if (!closed_ && !kept_[side].empty() && session_->paused(side) == 0) {
      sends(side, {});
    }
  }
}

void Conversation::answer_login(const LoginResult& result) {
  REQUIRE(asks_login_);
  session_->authenticated(result, now_, turn_);
  collect();
}

void Conversation::accepts_login(std::optional<Duration> valid_for,
                                 std::vector<LoginAttribute> attributes) {
  LoginAllowed allowed{.valid_until = {}, .attributes = std::move(attributes)};
  if (valid_for) allowed.valid_until = now_ + *valid_for;
  answer_login(allowed);
}

void Conversation::refuses_login(LoginRefused refused) { answer_login(refused); }
void Conversation::login_unavailable() { answer_login(LoginUnavailable{}); }

void Conversation::broker_accepts() {
  session_->broker_connected(now_, turn_);
  collect();
}

void Conversation::broker_refuses() {
  session_->transport_closed(Side::broker, CloseKind::broker_unavailable, "refused", now_, turn_);
  collect();
}

void Conversation::dial_waits() { session_->dial_begins(kNever); }
void Conversation::dial_begins() { session_->dial_begins(now_); }

void Conversation::dial_refused(Check check) {
  session_->dial_refused(check, now_, turn_);
  collect();
}

void Conversation::ends(Side side, CloseKind kind) {
  session_->transport_closed(side, kind, "gone", now_, turn_);
  collect();
}

void Conversation::pass(Duration time) {
  const Instant until = now_ + time;
  for (int i = 0; i < 1000 && !closed_ && session_->wake_at() <= until; ++i) {
    now_ = std::max(now_, session_->wake_at());
    session_->tick(now_, turn_);
    collect();
    REQUIRE(i < 999);  // a deadline that tick() does not move would spin
  }
  now_ = until;
}

void Conversation::set_policy(policy::PolicySpec spec) {
  session_->set_policy(compiled(spec), now_, turn_);
  collect();
}

void Conversation::shut_down(std::string_view elsewhere) {
  session_->shut_down(now_, turn_, elsewhere);
  collect();
}

void Conversation::ends_by_order(Check check, mqtt::ReasonCode reason) {
  session_->end(check, reason, now_, turn_);
  collect();
}

void Conversation::is_revoked(Check check) {
  session_->revoke(check, now_, turn_);
  collect();
}

void Conversation::open(const wire::Connect& connect, std::string_view connack_properties) {
  client_sends(wire::connect(connect));
  REQUIRE(dialled());
  broker_accepts();
  broker_sends(wire::connack(connect.level, 0, connack_properties));
  REQUIRE(events.begun == 1);
  (void)client_gets();
  (void)broker_gets();
  events.rewrites.clear();
}

policy::PolicySpec up_and_down() {
  return everybody({allow("up", {"up/#"}), allow("down", {}, {"down/#"}),
                    deny("secret", {"up/secret/#"}, {"down/secret/#"})});
}

}  // namespace sallyport::test
