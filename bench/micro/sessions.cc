// The whole core: framer, decoder, limits, verdict and outbox, as one read of the relay drives it.

#include "bench/micro/case.h"
#include "bench/micro/open_session.h"
#include "bench/wire/packets.h"

namespace sallyport::bench {

namespace {

constexpr std::uint64_t kRoles = 50;
constexpr std::string_view kTelemetry = "plant/bench-1/telemetry/temperature";
constexpr std::string_view kCommand = "plant/bench-1/cmd/restart";
constexpr std::size_t kPayload = 64;

/// Feeds the same bytes from one side again and again; all of them must be forwarded.
template <Side kFrom>
class Forward : public Case {
 public:
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) session_.feed(kFrom, bytes_.bytes());
  }

 protected:
  Forward() : session_(compile(site(kRoles)), turn_) {}
  [[nodiscard]] Buffer& bytes() { return bytes_; }
  void check() {
    session_.feed(kFrom, bytes_.bytes());
    require(session_.forwarded() == bytes_.size(), "not all is forwarded");
  }

 private:
  Turn turn_;
  OpenSession session_;
  Buffer bytes_;
};

template <int kQos>
class PublishCase final : public Forward<Side::client> {
 public:
  explicit PublishCase(std::uint64_t together) {
    for (; together != 0; --together) {
      append_publish({.topic = kTelemetry, .qos = kQos, .packet_id = 1}, kPayload, bytes());
    }
    check();
  }
};

class DeliveryCase final : public Forward<Side::broker> {
 public:
  explicit DeliveryCase(std::uint64_t together) {
    for (; together != 0; --together) append_publish({.topic = kCommand}, kPayload, bytes());
    check();
  }
};

/// QoS 1: the client's PUBLISH and the broker's PUBACK, in two turns.
class ExchangeCase final : public Case {
 public:
  explicit ExchangeCase(std::uint64_t) : session_(compile(site(kRoles)), turn_) {
    append_publish({.topic = kTelemetry, .qos = 1, .packet_id = 1}, kPayload, publish_);
    run(1);
    require(session_.forwarded() == publish_.size() + sizeof(kPuback), "not all is forwarded");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) {
      session_.feed(Side::client, publish_.bytes());
      session_.feed(Side::broker, kPuback);
    }
  }

 private:
  static constexpr std::uint8_t kPuback[] = {0x40, 2, 0, 1};
  Turn turn_;
  OpenSession session_;
  Buffer publish_;
};

/// A PUBLISH that no rule covers; QoS 1, so that it is answered.
class RefusalCase final : public Case {
 public:
  explicit RefusalCase(std::uint64_t) : session_(compile(site(kRoles)), turn_) {
    append_publish({.topic = "plant/bench-2/telemetry", .qos = 1, .packet_id = 1}, kPayload,
                   publish_);
    run(1);
    require(session_.forwarded() == 0 && session_.answered() == 4, "it is not refused");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) session_.feed(Side::client, publish_.bytes());
  }

 private:
  Turn turn_;
  OpenSession session_;
  Buffer publish_;
};

/// From nothing to an open session and back.
class OpenCase final : public Case {
 public:
  explicit OpenCase(std::uint64_t) : policy_(compile(site(kRoles))) {}
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) const OpenSession session(policy_, turn_);
  }

 private:
  const policy::Policy::Ptr policy_;
  Turn turn_;
};

/// What a sweep after a reload does to each session; Turn::sessions of them are one slice.
class JudgeCase final : public Case {
 public:
  explicit JudgeCase(std::uint64_t roles)
      : policies_{compile(site(roles)), compile(site(roles))}, session_(policies_[0], turn_) {}
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) session_.judge(policies_[steps % 2]);
  }

 private:
  const policy::Policy::Ptr policies_[2];
  Turn turn_;
  OpenSession session_;
};

}  // namespace

std::vector<CaseSpec> session_cases() {
  return {
      {"session/publish-64", "an open session is fed a PUBLISH, QoS 0, 64 B", 0, 1,
       make_case<PublishCase<0>>},
      {"session/publish-64-read-64", "one of 64 such PUBLISHes in one read", 0, 64,
       make_case<PublishCase<0>>, 64},
      {"session/exchange-64-qos1", "a PUBLISH of QoS 1, and in another turn its PUBACK", 0, 0,
       make_case<ExchangeCase>},
      {"session/delivery-64", "a delivery, QoS 0, 64 B", 0, 1, make_case<DeliveryCase>},
      {"session/refused-64-qos1", "a PUBLISH of QoS 1 that no rule covers, answered", 0, 0,
       make_case<RefusalCase>},
      {"sweep/judge-50", "an open session is judged by a new policy of 50 roles", 0, kRoles,
       make_case<JudgeCase>},
      {"sweep/judge-10000", "the same with 10,000 roles", 0, 10'000, make_case<JudgeCase>},
      {"session/open", "session, CONNECT, CONNACK, end", 0, 0, make_case<OpenCase>},
  };
}

}  // namespace sallyport::bench
