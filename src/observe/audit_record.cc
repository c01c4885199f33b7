#include "observe/audit_record.h"

#include <algorithm>

#include "observe/reason_text.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

namespace {

using Field = AuditField;

constexpr std::uint64_t bits(std::initializer_list<Field> fields) {
  std::uint64_t set = 0;
  for (const Field field : fields) set |= bit(field);
  return set;
}

constexpr std::uint64_t kAlways = bits({Field::time, Field::schema, Field::event, Field::instance});
/// What need not be the same in the lines that a sum counts.
constexpr std::uint64_t kOfOneLine =
    bits({Field::session, Field::packet, Field::topic, Field::shown_cn, Field::shown_serial,
          Field::detail, Field::will, Field::duration, Field::throttled_seconds,
          Field::packets_from_client, Field::packets_from_broker, Field::bytes_from_client,
          Field::bytes_from_broker, Field::refused, Field::throttled, Field::broker_code,
          Field::broker_text, Field::truncated});
constexpr std::uint64_t kOfOneClient = bits({Field::client_id, Field::username, Field::version});
constexpr std::uint64_t kOfOneCrowd = bits({Field::address, Field::certificate});

void append_number(std::string& out, unsigned value, int digits) {
  std::array<char, 4> text{};
  for (int i = digits - 1; i >= 0; --i, value /= 10) {
    text[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
  }
  out.append(text.data(), static_cast<std::size_t>(digits));
}

}  // namespace

std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  // At most three steps: what is not UTF-8 is not followed back to its beginning.
  for (int step = 0; step < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++step) {
    --end;
  }
  return text.substr(0, end);
}

AuditRecord::Time wall_clock() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string to_rfc3339(AuditRecord::Time when) {
  std::string out;
  out.reserve(24);
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  append_number(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_number(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_number(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_number(out, static_cast<unsigned>(time.hours().count()), 2);
  out += ':';
  append_number(out, static_cast<unsigned>(time.minutes().count()), 2);
  out += ':';
  append_number(out, static_cast<unsigned>(time.seconds().count()), 2);
  out += '.';
  append_number(out, static_cast<unsigned>(time.subseconds().count()), 3);
  out += 'Z';
  return out;
}

AuditRecord::AuditRecord(AuditEvent what, Time when)
    : when_(when), present_(kAlways), what_(what) {}

AuditRecord::AuditRecord(AuditEvent what, Time when, const Who& who)
    : when_(when), present_(kAlways), certificate_(who.identity.certificate), what_(what) {
  texts_.reserve(kMaxText);  // most lines need no more
  set(Field::listener, who.identity.listener);
  set(Field::address, who.identity.address);
  if (who.session != 0) {
    set(Field::session, who.session);
    set(Field::client_id, who.identity.client_id);
  }
  if (who.identity.username) set(Field::username, *who.identity.username);
  if (certificate_) present_ |= bit(Field::certificate);
  if (who.version) set(Field::version, to_string(*who.version));
}

void AuditRecord::set_cause(policy::Cause cause) {
  set(cause.is_rule ? Field::rule : Field::check, cause.name);
}

void AuditRecord::set_refusal(const Refusal& refusal) {
  set(Field::phase, to_string(refusal.phase));
  set(Field::from, to_string(refusal.from));
  if (refusal.packet != mqtt::PacketType::reserved) set(Field::packet, to_string(refusal.packet));
  if (!refusal.topic.empty()) set(Field::topic, refusal.topic);
  set(Field::action, to_string(refusal.action));
  set_cause(refusal.cause);
  set(Field::reason_code, std::uint64_t{static_cast<std::uint8_t>(refusal.reason)});
  set(Field::reason_text, reason_text(refusal.reason));
  if (refusal.shown == nullptr) return;
  set(Field::shown_cn, refusal.shown->common_name);
  set(Field::shown_serial, refusal.shown->serial);
}

void AuditRecord::set_end(const CloseReason& why, bool begun, Duration took) {
  set_flag(Field::begun, begun);
  set(Field::side, to_string(why.side));
  set(Field::kind, to_string(why.kind));
  if (!why.detail.empty()) set(Field::detail, why.detail);
  if (!why.will.empty()) set(Field::will, why.will);
  if (begun) set_seconds(Field::duration, took);
  const Tally& tally = why.tally;
  set(Field::packets_from_client, tally.packets[Side::client]);
  set(Field::packets_from_broker, tally.packets[Side::broker]);
  set(Field::bytes_from_client, tally.bytes[Side::client]);
  set(Field::bytes_from_broker, tally.bytes[Side::broker]);
  set(Field::refused, tally.refused);
  set(Field::throttled, tally.throttled);
  if (!tally.broker_code) return;
  set(Field::broker_code, std::uint64_t{static_cast<std::uint8_t>(*tally.broker_code)});
  set(Field::broker_text, reason_text(*tally.broker_code));
}

void AuditRecord::set_throttle(Side from, policy::Cause cause) {
  set(Field::from, to_string(from));
  set_cause(cause);
}

void AuditRecord::set_throttled(Time when, std::uint64_t pauses, Duration paused, Duration took) {
  when_ = when;
  set(Field::count, pauses);
  set_seconds(Field::throttled_seconds, paused);
  set_seconds(Field::duration, took);
}

void AuditRecord::make_sum(SumOf whom) {
  present_ &= ~kOfOneLine;
  if (whom != SumOf::client) present_ &= ~kOfOneClient;
  if (whom == SumOf::everyone) present_ &= ~kOfOneCrowd;
  present_ |= bit(Field::of);
  example_field_ = whom == SumOf::client  ? Field::topics
                   : whom == SumOf::crowd ? Field::client_ids
                                          : Field::addresses;
  set(Field::count, std::uint64_t{0});
  set_seconds(Field::seconds, {});
}

void AuditRecord::count(std::string_view example) {
  ++value(Field::count);
  if (example.empty()) return;
  const std::string_view kept = cut(example, kMaxExample);
  if (std::find(examples_.begin(), examples_.end(), kept) != examples_.end()) return;
  if (examples_.empty()) {
    present_ |= bit(example_field_);
    set_flag(Field::more, false);
  }
  if (examples_.size() == kMaxExamples) {
    set_flag(Field::more, true);
  } else {
    examples_.emplace_back(kept);
  }
}

void AuditRecord::set(AuditField field, std::string_view text) {
  const std::string_view kept =
      cut(text, row_of(field).kind == FieldKind::topic ? kMaxTopic : kMaxText);
  present_ |= bit(field);
  if (kept.size() < text.size()) {
    truncated_ |= bit(field);
    present_ |= bit(Field::truncated);
  }
  value(field) = std::uint64_t{texts_.size()} << 32 | kept.size();
  texts_ += kept;
}

void AuditRecord::set(AuditField field, std::uint64_t number) {
  present_ |= bit(field);
  value(field) = number;
}

/// Milliseconds are enough and keep the number short.
void AuditRecord::set_seconds(AuditField field, Duration time) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  set(field, count < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(count));
}

std::string_view AuditRecord::text(AuditField field) const {
  const std::uint64_t where = value(field);
  return std::string_view(texts_).substr(where >> 32, where & UINT32_MAX);
}

bool AuditRecord::went_well() const {
  if (has(Field::ok)) return number(Field::ok) != 0;
  if (has(Field::action)) return text(Field::action) == to_string(Action::report);
  return row_of(what_).ok;
}

AuditRecord AuditLoss::record(AuditRecord::Time when) const {
  AuditRecord record(AuditEvent::lost, when);
  record.set(Field::lines, lines());
  record.set(Field::lost_queue_full, queue_full);
  record.set(Field::lost_write, write);
  return record;
}

}  // namespace sallyport::observe
