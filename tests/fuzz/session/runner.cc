#include "runner.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "check.h"
#include "heap.h"
#include "input.h"
#include "wire.h"

namespace sallyport::fuzz {

using mqtt::PacketType;

namespace {

std::size_t index(Side side) { return static_cast<std::size_t>(side); }

std::string describe(const Step& step) {
  static constexpr const char* kNames[] = {"feed",    "answer", "accept",    "pass",  "policy",
                                           "reading", "end",    "shut_down", "login", "order"};
  return std::string(kNames[static_cast<std::size_t>(step.kind)]) + " " +
         std::string(to_string(step.side)) + " " + std::to_string(step.number) + " " +
         std::to_string(step.time.count()) + " " + step.bytes;
}

}  // namespace

void show(std::string_view text) {
  for (const char c : text) {
    if (c == '\n' || (c >= ' ' && c <= '~')) {
      std::fputc(c, stderr);
    } else {
      std::fprintf(stderr, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  std::fputc('\n', stderr);
}

Runner::Runner(const Script& script, const std::vector<policy::Policy::Ptr>& policies, unsigned cut)
    : script_(script),
      policies_(policies),
      cut_(cut),
      trace_(std::getenv("FUZZ_TRACE") != nullptr),
      random_(script.cuts + 1U),
      model_(script.options) {
  model_.set_policy(policies_[0]);
  heap_reset();
  const HeapScope scope;
  session_ = std::make_unique<Session>(
      script_.options, Identity{"devices", "127.0.0.1", {}, {}, {}}, policies_[0], *this, 1, now_);
}

Runner::~Runner() {
  const HeapScope scope;
  session_.reset();
}

std::vector<std::string> Runner::play() {
  std::vector<std::string> steps;
  const auto step_ends = [&] {
    log_ +=
        "\nto client: " + std::exchange(to_[0], {}) + "\nto broker: " + std::exchange(to_[1], {});
    if (trace_) show(log_);
    steps.push_back(std::exchange(log_, {}));
  };
  for (const Step& step : script_.steps) {
    if (closed_) break;
    if (trace_) show("--- " + describe(step));
    play(step);
    step_ends();
  }
  if (!closed_) {
    call([&](Turn& turn) {
      session_->transport_closed(Side::client, CloseKind::closed, "gone", now_, turn);
    });
    step_ends();
  }
  after_the_end();
  return steps;
}

void Runner::play(const Step& step) {
  switch (step.kind) {
    case Step::Kind::feed:
      return feed(step.side, step.bytes);
    case Step::Kind::answer:
      return feed(step.side, answer(step.side));
    case Step::Kind::accept:
      if (!dialled_ || connected_) return;
      connected_ = true;
      model_.broker_connected();
      call([&](Turn& turn) { session_->broker_connected(now_, turn); });
      return feed_what_waits();
    case Step::Kind::pass:
      return pass(step.time);
    case Step::Kind::policy:
      model_.set_policy(policies_[step.number]);
      call([&](Turn& turn) { session_->set_policy(policies_[step.number], now_, turn); });
      return feed_what_waits();
    case Step::Kind::reading:
      session_->set_reading(step.side, step.number != 0, now_);
      return;
    case Step::Kind::end:
      if (step.side == Side::broker && !dialled_) return;
      return call([&](Turn& turn) {
        session_->transport_closed(step.side, CloseKind::network_error, "lost", now_, turn);
      });
    case Step::Kind::shut_down:
      return call([&](Turn& turn) { session_->shut_down(now_, turn); });
    case Step::Kind::login:
      answer_login(step.number);
      return feed_what_waits();
    case Step::Kind::order:
      return call([&](Turn& turn) {
        session_->end(Check::shutting_down, mqtt::ReasonCode::administrative_action, now_, turn);
      });
  }
}

/// An answer that nobody waits for is given, too: it must change nothing.
void Runner::answer_login(unsigned answer) {
  LoginResult result = LoginUnavailable{};
  LoginAllowed allowed{.valid_until = {}, .attributes = {}};
  if (answer == Step::accepts_for_10_s) allowed.valid_until = now_ + std::chrono::seconds(10);
  if (answer == Step::tells_attributes) allowed.attributes = {{"group", "pumps"}};
  if (answer == Step::refuses) {
    result = LoginRefused{};
  } else if (answer != Step::unavailable) {
    result = std::move(allowed);
    let_in_ = let_in_ || asked_;
  }
  call([&](Turn& turn) { session_->authenticated(result, now_, turn); });
}

void Runner::feed(Side from, std::string_view bytes) {
  // A broker that has no connection says nothing.
  if (from == Side::broker && !connected_) return;
  constexpr std::size_t kMostPieces = 300;  // of a long payload few cuts tell as much as many
  const std::size_t least = bytes.size() / kMostPieces;
  while (!bytes.empty() && !closed_) {
    std::size_t n = bytes.size();
    if (cut_ != 0) {
      random_ = random_ * 1'664'525 + 1'013'904'223;
      n = std::min<std::size_t>(n, 1 + least + (random_ >> 16) % cut_);
    }
    kept_[index(from)] += bytes.substr(0, n);
    bytes.remove_prefix(n);
    feed_kept(from);
  }
  feed_what_waits();
}

void Runner::feed_kept(Side from) {
  std::string& kept = kept_[index(from)];
  while (!kept.empty() && !closed_ && session_->paused(from) == 0) {
    const Exact bytes(as_bytes(kept));
    offered_ = kept.size();
    model_.offer(from, bytes.bytes());
    std::size_t taken = 0;
    std::uint32_t work = 0;
    call([&](Turn& turn) {
      if (cut_ != 0) turn.work = 1 + cut_ % 5;
      taken = session_->feed(from, bytes.bytes(), now_, turn);
      work = turn.work;
      const NoHeapScope outside;
      model_.taken(from, taken);
    });
    offered_ = 0;
    must(taken == kept.size() || session_->paused(from) != 0 || work == 0,
         "what is not taken has a reason");
    must(taken != 0 || session_->paused(from) != 0 || closed_, "a turn gets on");
    kept.erase(0, taken);
  }
}

/// What a side sent while it was paused is fed once it is not.
void Runner::feed_what_waits() {
  for (bool more = true; more && !closed_;) {
    more = false;
    for (const Side from : {Side::client, Side::broker}) {
      const std::size_t before = kept_[index(from)].size();
      feed_kept(from);
      more = more || kept_[index(from)].size() != before;
    }
  }
}

/// What a broker or a client says to the oldest packet that it owes an answer.
std::string Runner::answer(Side side) {
  const auto level = static_cast<wire::Level>(model_.version());
  const auto limits = Bounds{};
  for (std::string head = model_.next_received(side); !head.empty();
       head = model_.next_received(side)) {
    const mqtt::FrameRules rules{other(side), model_.version(), UINT32_MAX, UINT32_MAX, true};
    auto result = mqtt::next_frame(as_bytes(head), rules);
    if (result.is_refused() && side == Side::client) {
      result = mqtt::look_again(as_bytes(head), rules, result.error);
    }
    must(result.has_frame(), "a packet that was received is one");
    const mqtt::Frame& frame = result.frame;
    switch (frame.header.type) {
      case PacketType::connect:
        // As brokers do, it takes a few aliases.
        if (level != wire::v5) return wire::connack(level);
        return wire::connack(
            level, 0,
            wire::topic_alias_maximum(4) +
                (model_.client_id_missing() ? wire::assigned_client_id("c9") : ""));
      case PacketType::publish: {
        const auto publish = mqtt::decode_publish(frame, other(side), model_.version(), limits);
        if (!publish || publish->qos == 0) break;
        return publish->qos == 1 ? wire::puback(publish->packet_id)
                                 : wire::pubrec(publish->packet_id);
      }
      case PacketType::pubrec:
      case PacketType::pubrel: {
        const auto ack = mqtt::decode_ack(frame, other(side), model_.version(), limits);
        if (!ack || static_cast<unsigned>(ack->reason) >= 0x80) break;
        return frame.header.type == PacketType::pubrec ? wire::pubrel(ack->packet_id)
                                                       : wire::pubcomp(ack->packet_id);
      }
      case PacketType::subscribe:
      case PacketType::unsubscribe: {
        const auto request = mqtt::decode_subscribe(frame, model_.version(), limits);
        if (!request) break;
        const bool codes = frame.header.type == PacketType::subscribe || level == wire::v5;
        return wire::packet(frame.header.type == PacketType::subscribe ? 0x90 : 0xB0,
                            wire::u16(request->packet_id) + wire::properties(level) +
                                std::string(codes ? request->count : 0U, '\0'));
      }
      case PacketType::pingreq:
        return wire::pingresp();
      default:
        break;
    }
  }
  return {};
}

void Runner::pass(Duration time) {
  const Instant until = now_ + time;
  for (int i = 0; !closed_ && session_->wake_at() <= until; ++i) {
    must(i < 5000, "timers do not spin");
    now_ = std::max(now_, session_->wake_at());
    call([&](Turn& turn) { session_->tick(now_, turn); });
    must(closed_ || session_->wake_at() > now_, "a timer that has fired is done");
    feed_what_waits();
  }
  now_ = until;
}

/// The session has said its last word.
void Runner::after_the_end() {
  must(closed_ && ended_, "every session ends");
  const std::string bytes = wire::pingreq() + wire::puback(1);
  log_.clear();
  for (const Side side : {Side::client, Side::broker}) {
    model_.offer(side, {});
    call([&](Turn& turn) {
      must(session_->feed(side, as_bytes(bytes), now_, turn) == bytes.size(),
           "what comes after the end is swallowed");
    });
    call([&](Turn& turn) {
      session_->transport_closed(side, CloseKind::closed, "again", now_, turn);
    });
  }
  call([&](Turn& turn) { session_->tick(now_ + std::chrono::hours(1), turn); });
  call([&](Turn& turn) { session_->set_policy(policies_[0], now_, turn); });
  call([&](Turn& turn) { session_->shut_down(now_, turn); });
  answer_login(Step::accepts);
  call([&](Turn& turn) {
    session_->end(Check::shutting_down, mqtt::ReasonCode::administrative_action, now_, turn);
  });
  must(log_.empty() && to_[0].empty() && to_[1].empty(), "and nothing more is said");
}

template <typename Call>
void Runner::call(Call call) {
  const bool was_closed = closed_;
  const std::size_t bound_before = model_.memory_bound();
  std::size_t moved = offered_;
  heap_reset_peak();
  {
    const HeapScope scope;
    Turn turn;
    turn_ = &turn;
    drained_[0] = drained_[1] = 0;
    call(turn);
    const NoHeapScope outside;
    drain(Side::broker);
    drain(Side::client);
    moved += turn.to_client.size() + turn.to_broker.size();
    if (turn.authenticate) {
      must(script_.options.authenticate && !asked_ && !ended_, "an authenticator is asked once");
      asked_ = true;
    }
    if (turn.dial) {
      must(let_in_ || !script_.options.authenticate, "the broker is dialled behind the login");
      must(!dialled_ && !ended_, "the broker is dialled once, for a CONNECT that is allowed");
      dialled_ = true;
    }
    closed_ = closed_ || turn.close.has_value();
    must(turn.close.has_value() == (ended_ && !was_closed),
         "the end is told and asked for at once");
    turn_ = nullptr;
  }
  model_.settle();
  check_memory(bound_before, moved);
}

void Runner::drain(Side to) {
  const Outbox& outbox = turn_->to(to);
  std::string bytes;
  std::size_t skip = drained_[index(to)];
  for (Bytes segment : outbox.segments()) {
    const std::size_t n = std::min(skip, segment.size());
    skip -= n;
    bytes += as_text(segment.subspan(n));
  }
  drained_[index(to)] += bytes.size();
  must(drained_[index(to)] == outbox.size(), "an outbox knows its size");
  to_[index(to)] += bytes;
  model_.sent(to, as_bytes(bytes));
}

void Runner::check_memory(std::size_t bound_before, std::size_t moved) {
  // The object itself, what it knows of the client, and the policy's answer to that.
  const std::size_t object = 4 * 1024 + 4 * model_.identity_size();
  const std::size_t bound = model_.memory_bound();
  const std::size_t own = session_->memory();
  must(own <= bound, "a session keeps to its budget");
  must(heap_held() >= 0 && static_cast<std::size_t>(heap_held()) <= own + object,
       "memory() tells what a session owns");
  // While it works, what grows is there twice, and what is sent or gathered may be copied.
  must(static_cast<std::size_t>(heap_peak()) <=
           2 * (bound_before + bound) + object + 4 * moved + 16 * 1024,
       "and does not need much more while it works");
}

void Runner::note(std::string_view what, std::uint64_t number) {
  log_ += what;
  log_ += ' ';
  log_ += std::to_string(number);
  log_ += '\n';
}

void Runner::on_packet(Side from, PacketType type, std::uint64_t bytes) {
  const NoHeapScope outside;
  must(!closed_, "nothing happens after the end");
  note(to_string(from));
  note(to_string(type), bytes);
  model_.packet(from, type, bytes);
  drain(other(from));
  model_.decided(from);
  drain(from);
}

void Runner::on_refusal(const Who&, const Refusal& refusal) {
  const NoHeapScope outside;
  note(to_string(refusal.from));
  note(to_string(refusal.packet), static_cast<std::uint64_t>(refusal.reason));
  note(to_string(refusal.action));
  note(refusal.cause.name);
  note(refusal.topic);
  model_.refusal(refusal);
}

void Runner::on_rewrite(Rewrite what) {
  const NoHeapScope outside;
  note(to_string(what));
  model_.rewrite();
}

void Runner::on_throttle(const Who&, Side from, policy::Cause cause, Duration pause) {
  const NoHeapScope outside;
  must(pause > Duration::zero(), "a throttle takes time");
  note(to_string(from), static_cast<std::uint64_t>(pause.count()));
  note(cause.name);
}

void Runner::on_session_begin(const Who&) {
  const NoHeapScope outside;
  must(connected_ && !begun_ && !ended_, "a session begins once, with the broker");
  begun_ = true;
  note("begin");
  model_.session_begins();
}

void Runner::on_session_end(const Who&, const CloseReason& why, bool begun) {
  const NoHeapScope outside;
  must(!ended_, "a session ends once");
  must(begun == begun_, "and says whether it began");
  ended_ = true;
  note(to_string(why.side));
  note(to_string(why.kind));
  note(why.detail);
  model_.session_ends();
}

}  // namespace sallyport::fuzz
