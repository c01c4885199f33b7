#include "script.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "input.h"
#include "packets.h"
#include "wire.h"

namespace sallyport::fuzz {

using mqtt::Version;
using namespace std::chrono_literals;

namespace {

// What a script makes of few bytes has bounds, so that a run stays short.
constexpr std::size_t kMostSteps = 400;
constexpr std::size_t kMostBytes = 512 * 1024;

Bounds make_bounds(Input& input) {
  Bounds bounds;
  const std::uint8_t sizes = input.u8();
  const std::uint8_t counts = input.u8();
  const std::uint8_t others = input.u8();
  const std::uint8_t flags = input.u8();
  bounds.max_packet = pick({256U * 1024, 128U, 300U, 1500U}, sizes);
  bounds.max_packet_before_connect =
      std::min(bounds.max_packet, pick({16U * 1024, 128U, 600U}, sizes >> 4));
  bounds.max_topic_aliases =
      pick({std::uint16_t{16}, std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{3}}, counts);
  bounds.max_qos2_in_flight =
      pick({std::uint16_t{100}, std::uint16_t{1}, std::uint16_t{2}}, counts >> 4);
  bounds.max_requests = pick({std::uint16_t{64}, std::uint16_t{1}, std::uint16_t{2}}, others);
  bounds.max_keep_alive =
      pick({std::uint16_t{1200}, std::uint16_t{1}, std::uint16_t{10}}, others >> 4);
  bounds.refuse_control_characters = (flags & 1) == 0;
  bounds.bridges = (flags & 2) != 0;
  if ((flags & 4) != 0) bounds.max_topic_levels = 3;
  if ((flags & 8) != 0) bounds.max_filters = 2;
  if ((flags & 16) != 0) bounds.max_user_properties = 1;
  if ((flags & 32) != 0) bounds.max_user_property_bytes = 20;
  if ((flags & 64) != 0) bounds.max_subscriptions = 2;
  if ((flags & 128) != 0) {
    bounds.min_keep_alive = std::min(std::uint16_t{30}, bounds.max_keep_alive);
    bounds.refuse_mqtt3_keep_alive = (flags & 64) != 0;
    bounds.max_client_id_length = 4;
  }
  return bounds;
}

std::optional<policy::RateSpec> make_rate(std::uint8_t byte) {
  policy::RateSpec rate;
  switch (byte % 5) {
    case 0:
      return std::nullopt;
    case 1:
      rate.messages = Rate{1, 1s};
      break;
    case 2:
      rate.messages = Rate{2, 1s};
      rate.burst = 3;
      break;
    case 3:
      rate.bytes = Rate{50, 1s};
      break;
    default:
      rate.messages = Rate{1, 3600s};
      rate.bytes = Rate{200, 1s};
      break;
  }
  rate.on_exceed =
      pick({Action::throttle, Action::drop, Action::report, Action::disconnect}, byte >> 4);
  return rate;
}

Action deny_action(unsigned byte) {
  return pick({Action::drop, Action::report, Action::disconnect, Action::drop}, byte);
}

/// Refuses payloads by their first byte.
struct Inspector final : policy::Inspector {
  std::optional<mqtt::ReasonCode> refuse(std::string_view, Bytes payload) const override {
    if (payload.empty() || payload.front() % 2 != 0) return std::nullopt;
    return mqtt::ReasonCode::payload_format_invalid;
  }
};

std::optional<policy::RuleSpec> make_rule(Input& input, unsigned number) {
  static const char* const kFilters[] = {
      "#", "a",  "a/b", "a/#", "+", "+/b", "b/#", "$SYS/#", "secret/#", "a/+/c", "${client_id}/#",
      "x", "+/+"};
  const std::uint8_t kind = input.u8();
  const std::uint8_t conditions = input.u8();
  const std::uint8_t limit = input.u8();
  policy::RuleSpec rule;
  rule.id = "rule-" + std::to_string(number);
  rule.deny = (kind & 1) != 0;
  if ((kind >> 1 & 3) == 3) return std::nullopt;
  if ((kind >> 1 & 3) != 2) rule.publish = {pick(kFilters, kind >> 3)};
  if ((kind >> 1 & 3) != 1) rule.subscribe = {pick(kFilters, kind >> 3)};
  // A deny rule has no conditions.
  if (!rule.deny) {
    if ((conditions & 3) != 0) rule.max_qos = static_cast<std::uint8_t>((conditions & 3) - 1);
    if ((conditions & 4) != 0) rule.retain = (conditions & 8) != 0;
    if ((conditions & 0x30) != 0) rule.max_payload = pick({0U, 10U, 100U}, conditions >> 4 & 3);
    if (limit >= 0xF0) {
      rule.inspection.inspector = std::make_shared<Inspector>();
      rule.inspection.max_bytes = pick({100U, 16U * 1024}, limit);
    } else {
      rule.limit = make_rate(limit);
    }
  }
  if ((conditions & 0xC0) != 0) {
    rule.on_deny = policy::OnDeny{deny_action(conditions >> 6), deny_action(conditions >> 6)};
  }
  return rule;
}

policy::PolicySpec make_policy(Input& input) {
  policy::RoleSpec role;
  role.name = "everybody";
  const std::uint8_t kind = input.u8();
  role.limits = make_rate(input.u8());
  role.on_deny = {deny_action(kind), deny_action(kind >> 2)};
  if ((kind & 0x10) != 0) role.client_id = (kind & 0x80) != 0 ? "c2" : "c1";
  if ((kind & 0x20) != 0) role.match["client_id"] = {(kind & 0x80) != 0 ? "d*" : "c*"};
  if ((kind & 0x40) != 0) {
    role.bounds = unbounded();
    role.bounds->max_packet = 200;
    role.bounds->max_will_payload = 2;
    role.bounds->max_subscriptions = 3;
  }
  for (unsigned i = 0; i < 3; ++i) {
    if (auto rule = make_rule(input, i)) role.rules.push_back(std::move(*rule));
  }
  policy::PolicySpec spec;
  spec.roles.push_back(std::move(role));
  return spec;
}

class Writer {
 public:
  explicit Writer(Script& script) : script_(script) {}

  void handshake(Fields connect, Fields connack, bool accepted) {
    append(Side::client, make_connect(script_.version, connect));
    flush(Side::client, 0);
    if (script_.options.authenticate) {
      login(script_.cuts % 2 != 0 ? Step::accepts_for_10_s : Step::accepts);
    }
    add({.kind = Step::Kind::accept, .bytes = {}});
    if (accepted) {
      add({.kind = Step::Kind::answer, .side = Side::broker, .bytes = {}});
    } else {
      append(Side::broker, make_connack(script_.version, connack));
      flush(Side::broker, 0);
    }
  }

  void record(std::span<const std::uint8_t, kRecord> record) {
    const std::uint8_t op = record[0];
    const Fields f = record.subspan<1>();
    const Side side = (op & 0x10) != 0 ? Side::broker : Side::client;
    const Version version = script_.version;
    const bool client = side == Side::client;
    switch (op & 0x0F) {
      case 0:
        append(side, make_publish(version, side, f));
        break;
      case 1:
        append(side, client ? make_subscribe(version, false, f) : make_suback(version, false, f));
        break;
      case 2:
        append(side, client ? make_subscribe(version, true, f) : make_suback(version, true, f));
        break;
      case 3:
        append(side, make_ack(version, f));
        break;
      case 4:
        append(side, client ? wire::pingreq() : wire::pingresp());
        break;
      case 5:
        append(side, make_disconnect(version, side, f));
        break;
      case 6:
        append(side, make_auth(f));
        break;
      case 7:
        append(side, client ? make_connect(version, f) : make_connack(version, f));
        break;
      case 8:
        append(side, as_text(f.last<6>()).substr(0, f[0] % 7));
        break;
      case 9:
        if ((f[3] & 1) != 0) {  // the last packet again and again
          for (int i = 0; i <= f[0]; ++i) append(side, std::string(last_[index(side)]));
        } else {
          append(side, std::string((f[0] * 256U + f[1]) % 40'000, static_cast<char>(f[2])));
        }
        break;
      case 10:
        add({.kind = Step::Kind::answer, .side = side, .bytes = {}});
        return;
      case 11:
        if ((f[0] & 0x80) != 0) {
          login(f[1] % Step::kLogins);
        } else {
          add({.kind = Step::Kind::accept, .bytes = {}});
        }
        return;
      case 12:
        add({.kind = Step::Kind::pass,
             .bytes = {},
             .time = pick({Duration(1s), Duration(100ms), Duration(10s), Duration(61s),
                           Duration(700s), Duration(1ns)},
                          f[0])});
        return;
      case 13:
        add({.kind = Step::Kind::policy, .bytes = {}, .number = f[0] & 1U});
        return;
      case 14:
        add({.kind = Step::Kind::reading, .side = side, .bytes = {}, .number = f[0] & 1U});
        return;
      default:
        add({.kind =
                 pick({Step::Kind::end, Step::Kind::shut_down, Step::Kind::end, Step::Kind::order},
                      f[0]),
             .side = side,
             .bytes = {}});
        return;
    }
    // What comes later may come in the same read; the end of a packet may come later.
    if ((op & 0x80) != 0) return;
    flush(side, (op & 0x60) != 0 ? f[6] % 30U : 0U);
  }

 private:
  static std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  std::string& pending(Side side) { return pending_[index(side)]; }
  void login(unsigned answer) { add({.kind = Step::Kind::login, .bytes = {}, .number = answer}); }
  void append(Side side, std::string_view bytes) {
    last_[index(side)] = bytes;
    if (used_ + bytes.size() > kMostBytes) return;
    used_ += bytes.size();
    pending(side) += bytes;
  }
  void flush(Side side, std::size_t keep) {
    std::string& bytes = pending(side);
    if (bytes.size() <= keep) return;
    add({.kind = Step::Kind::feed, .side = side, .bytes = bytes.substr(0, bytes.size() - keep)});
    bytes.erase(0, bytes.size() - keep);
  }
  void add(Step step) {
    if (script_.steps.size() < kMostSteps) script_.steps.push_back(std::move(step));
  }

  Script& script_;
  std::string pending_[2];
  std::string last_[2];
  std::size_t used_ = 0;
};

}  // namespace

Script read_script(Bytes bytes) {
  Input whole(bytes);
  std::array<std::uint8_t, kHeader> header{};
  std::ranges::copy(whole.take(kHeader), header.begin());
  Input input(header);

  Script script;
  const std::uint8_t kind = input.u8();
  script.version = pick({Version::v5, Version::v3_1_1, Version::v3_1}, kind & 0x0F);
  script.options.bounds = make_bounds(input);
  script.cuts = input.u8();
  script.options.authenticate = script.cuts >= 0xE0;
  script.options.max_held = pick({64U * 1024, 300U}, script.cuts);
  std::array<std::uint8_t, 7> connect{};
  std::array<std::uint8_t, 7> connack{};
  connect[1] = input.u8();
  connect[2] = static_cast<std::uint8_t>(kind >> 6);
  connect[4] = input.u8();
  connect[5] = input.u8();
  connack[1] = connack[2] = input.u8();
  if ((kind & 0x0F) >= 12) connack[0] = 5;  // the broker refuses
  for (int i = 0; i < 2; ++i) script.policies.push_back(make_policy(input));

  Writer writer(script);
  if ((kind & 0x10) == 0) writer.handshake(connect, connack, (kind & 0x20) == 0);
  while (!whole.empty()) {
    std::array<std::uint8_t, kRecord> record{};
    std::ranges::copy(whole.take(kRecord), record.begin());
    writer.record(record);
  }
  return script;
}

}  // namespace sallyport::fuzz
