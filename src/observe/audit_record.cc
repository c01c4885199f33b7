#include "observe/audit_record.h"

#include <algorithm>
#include <span>

#include "sallyport/attributes.h"

#include "observe/json_writer.h"
#include "observe/reason_text.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

namespace {

constexpr std::array<std::string_view, AuditRecord::kTexts> kTextNames = {
    "listener", "address", "client_id", "username",    "cause",
    "topic",    "will",    "shown.cn",  "shown.serial"};

/// The longest beginning of `text` of at most `limit` bytes that does not end inside a character.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  // At most three steps: what is not UTF-8 is not followed back to its beginning.
  for (int step = 0; step < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++step) {
    --end;
  }
  return text.substr(0, end);
}

void append_number(std::string& out, unsigned value, int digits) {
  std::array<char, 4> text{};
  for (int i = digits - 1; i >= 0; --i, value /= 10) {
    text[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
  }
  out.append(text.data(), static_cast<std::size_t>(digits));
}

/// Milliseconds are enough and keep the number short.
std::uint64_t millis(Duration time) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

void seconds(JsonWriter& json, std::string_view name, Duration time) {
  json.key(name);
  json.thousandths(millis(time));
}

/// Nothing where there are none.
void texts(JsonWriter& json, std::string_view name, std::span<const std::string_view> all) {
  if (all.empty()) return;
  json.key(name);
  json.begin_array();
  for (const std::string_view text : all) json.text(text);
  json.end_array();
}

std::vector<std::string_view> keys_of(const Leniency& needs) {
  std::vector<std::string_view> keys;
  if (needs.key) keys.push_back(kLeniencies[0]);
  if (needs.sha1) keys.push_back(kLeniencies[1]);
  return keys;
}

/// One value, or a list of several; an empty text where there is none.
void write_values(JsonWriter& json, std::string_view name, Values values) {
  json.key(name);
  if (values.size() <= 1) {
    json.text(values.empty() ? std::string_view() : cut(values[0], AuditRecord::kMaxText));
    return;
  }
  json.begin_array();
  for (const std::string& value : values) json.text(cut(value, AuditRecord::kMaxText));
  json.end_array();
}

void begin_line(JsonWriter& json, AuditRecord::Time when, std::string_view event) {
  json.begin_object();
  json.field("time", to_rfc3339(when));
  json.field("event", event);
}

}  // namespace

std::string_view to_string(AuditRecord::Event event) {
  static constexpr std::array<std::string_view, 5> kNames = {
      "refusal", "session_begin", "session_end", "throttle_begin", "throttle_end"};
  static_assert(kNames.size() == static_cast<std::size_t>(AuditRecord::Event::throttle_end) + 1);
  return kNames[static_cast<std::size_t>(event)];
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

AuditRecord::AuditRecord(Event what, Time when, const Who& who)
    : when_(when),
      session_(who.session),
      certificate_(who.identity.certificate),
      what_(what),
      version_(who.version) {
  texts_.reserve(kMaxText);  // most lines need no more
  set(Text::listener, who.identity.listener);
  set(Text::address, who.identity.address);
  if (who.session != 0) set(Text::client_id, who.identity.client_id);
  if (who.identity.username) set(Text::username, *who.identity.username);
}

void AuditRecord::set_refusal(const Refusal& refusal) {
  phase_ = refusal.phase;
  side_ = refusal.from;
  packet_ = refusal.packet;
  action_ = refusal.action;
  reason_ = refusal.reason;
  is_rule_ = refusal.cause.is_rule;
  set(Text::cause, refusal.cause.name);
  if (!refusal.topic.empty()) set(Text::topic, refusal.topic);
  if (refusal.shown == nullptr) return;
  shown_ = true;
  set(Text::shown_cn, refusal.shown->common_name);
  set(Text::shown_serial, refusal.shown->serial);
}

void AuditRecord::set_end(const CloseReason& why, bool begun, Duration took) {
  side_ = why.side;
  kind_ = why.kind;
  begun_ = begun;
  took_ = took;
  if (!why.detail.empty()) set(Text::cause, why.detail);
  if (!why.will.empty()) set(Text::will, why.will);
}

void AuditRecord::set_throttle(Side from, policy::Cause cause) {
  side_ = from;
  is_rule_ = cause.is_rule;
  set(Text::cause, cause.name);
}

void AuditRecord::set_throttled(Time when, std::uint64_t pauses, Duration paused, Duration took) {
  when_ = when;
  count_ = pauses;
  paused_ = paused;
  took_ = took;
}

void AuditRecord::make_sum(bool crowd) {
  sum_ = true;
  crowd_ = crowd;
  count_ = 0;
  took_ = {};
}

void AuditRecord::count(std::string_view example) {
  ++count_;
  if (example.empty()) return;
  const std::string_view kept = cut(example, kMaxExample);
  if (std::find(examples_.begin(), examples_.end(), kept) != examples_.end()) return;
  if (examples_.size() == kMaxExamples) {
    more_ = true;
  } else {
    examples_.emplace_back(kept);
  }
}

void AuditRecord::set(Text which, std::string_view text) {
  const auto index = static_cast<std::size_t>(which);
  const bool is_topic = which == Text::topic || which == Text::will;
  const std::string_view kept = cut(text, is_topic ? kMaxTopic : kMaxText);
  present_ |= bit(which);
  if (kept.size() < text.size()) truncated_ |= bit(which);
  begin_[index] = static_cast<std::uint16_t>(texts_.size());
  size_[index] = static_cast<std::uint16_t>(kept.size());
  texts_ += kept;
}

std::string_view AuditRecord::get(Text which) const {
  const auto index = static_cast<std::size_t>(which);
  return std::string_view(texts_).substr(begin_[index], size_[index]);
}

void AuditRecord::field(JsonWriter& json, std::string_view name, Text which) const {
  if (has(which)) json.field(name, get(which));
}

void AuditRecord::write_who(JsonWriter& json) const {
  if (session_ != 0 && !sum_) json.field("session", session_);
  field(json, "listener", Text::listener);
  field(json, "address", Text::address);
  if (!crowd_) {
    field(json, "client_id", Text::client_id);
    field(json, "username", Text::username);
  }
  if (certificate_) {
    json.key("certificate");
    json.begin_object();
    Identity identity;
    identity.certificate = certificate_;
    for (const Attribute& attribute : kAttributes) {
      if (!attribute.audit.empty()) write_values(json, attribute.audit, attribute.values(identity));
    }
    texts(json, "left_out", certificate_->left_out);
    if (certificate_->needs.any()) texts(json, "let_in_by", keys_of(certificate_->needs));
    json.end_object();
  }
  if (version_ && !crowd_) json.field("version", to_string(*version_));
}

void AuditRecord::write_refusal(JsonWriter& json) const {
  json.field("phase", to_string(phase_));
  json.field("from", to_string(side_));
  if (!sum_) {
    if (packet_ != mqtt::PacketType::reserved) json.field("packet", to_string(packet_));
    field(json, "topic", Text::topic);
  }
  json.field("action", to_string(action_));
  field(json, is_rule_ ? "rule" : "check", Text::cause);
  json.key("reason");
  json.begin_object();
  json.field("code", std::uint64_t{static_cast<std::uint8_t>(reason_)});
  json.field("text", reason_text(reason_));
  json.end_object();
  if (!shown_ || sum_) return;
  json.key("unverified_certificate");
  json.begin_object();
  json.field("cn", get(Text::shown_cn));
  json.field("serial", get(Text::shown_serial));
  json.end_object();
}

void AuditRecord::write_end(JsonWriter& json) const {
  json.key("begun");
  json.boolean(begun_);
  json.field("side", to_string(side_));
  json.field("kind", to_string(kind_));
  if (sum_) return;
  field(json, "detail", Text::cause);
  field(json, "will", Text::will);
  if (begun_) seconds(json, "duration_seconds", took_);
}

void AuditRecord::write_throttle(JsonWriter& json) const {
  json.field("from", to_string(side_));
  field(json, is_rule_ ? "rule" : "check", Text::cause);
  if (what_ != Event::throttle_end || sum_) return;
  json.field("count", count_);
  seconds(json, "throttled_seconds", paused_);
  seconds(json, "duration_seconds", took_);
}

void AuditRecord::write_sum(JsonWriter& json) const {
  json.field("count", count_);
  seconds(json, "seconds", took_);
  if (examples_.empty()) return;
  json.key(crowd_ ? "client_ids" : "topics");
  json.begin_array();
  for (const std::string& example : examples_) json.text(example);
  json.end_array();
  json.key("more");
  json.boolean(more_);
}

void AuditRecord::write_to(std::string& out) const {
  JsonWriter json(out);
  begin_line(json, when_, sum_ ? "repeated" : to_string(what_));
  if (sum_) json.field("of", to_string(what_));
  write_who(json);
  switch (what_) {
    case Event::refusal:
      write_refusal(json);
      break;
    case Event::session_begin:
      break;
    case Event::session_end:
      write_end(json);
      break;
    case Event::throttle_begin:
    case Event::throttle_end:
      write_throttle(json);
      break;
  }
  if (sum_) write_sum(json);
  if (truncated_ != 0 && !sum_) {
    json.key("truncated");
    json.begin_array();
    for (std::size_t i = 0; i < kTexts; ++i) {
      if ((truncated_ & bit(static_cast<Text>(i))) != 0) json.text(kTextNames[i]);
    }
    json.end_array();
  }
  json.end_object();
  out += '\n';
}

void AuditLoss::write_to(std::string& out, AuditRecord::Time when) const {
  JsonWriter json(out);
  begin_line(json, when, "lost");
  json.field("lines", lines());
  json.key("reasons");
  json.begin_object();
  json.field("queue_full", queue_full);
  json.field("write", write);
  json.end_object();
  json.end_object();
  out += '\n';
}

}  // namespace sallyport::observe
