#include "observe/audit_record.h"

#include <ctime>

#include <nlohmann/json.hpp>

#include "observe/reason_text.h"

namespace sallyport::observe {

namespace {

// Keys stay in the order in which they are set: a line begins with when and what.
using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, AuditRecord::kTexts> kTextNames = {
    "listener", "address", "client_id", "username", "cause", "topic"};

std::string dump(const Json& json) {
  std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  line += '\n';
  return line;
}

/// The longest beginning of `text` of at most `limit` bytes that does not end inside a character.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  // At most three steps: what is not UTF-8 is not followed back to its beginning.
  for (int step = 0; step < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++step)
    --end;
  return text.substr(0, end);
}

Json names_of(const Certificate& certificate) {
  return {{"cn", cut(certificate.common_name, AuditRecord::kMaxText)},
          {"serial", cut(certificate.serial, AuditRecord::kMaxText)},
          {"fingerprint", cut(certificate.fingerprint, AuditRecord::kMaxText)}};
}

std::string_view name_of(AuditRecord::Event event) {
  switch (event) {
    case AuditRecord::Event::refusal:
      return "refusal";
    case AuditRecord::Event::session_begin:
      return "session_begin";
    case AuditRecord::Event::session_end:
      return "session_end";
  }
  return "unknown";
}

}  // namespace

AuditRecord::Time wall_clock() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string to_rfc3339(AuditRecord::Time when) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm utc{};
  if (gmtime_r(&time, &utc) == nullptr) return "1970-01-01T00:00:00.000Z";
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  const auto millis = static_cast<unsigned>((when - seconds).count());
  std::string out(text, size);
  out += '.';
  out += static_cast<char>('0' + millis / 100 % 10);
  out += static_cast<char>('0' + millis / 10 % 10);
  out += static_cast<char>('0' + millis % 10);
  out += 'Z';
  return out;
}

AuditRecord::AuditRecord(Event what, Time when, const Who& who)
    : when_(when),
      session_(who.session),
      certificate_(who.identity.certificate),
      what_(what),
      version_(who.version) {
  set(Text::listener, who.identity.listener);
  set(Text::address, who.identity.address);
  set(Text::client_id, who.identity.client_id);
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
  if (refusal.shown != nullptr) shown_ = std::make_unique<const Certificate>(*refusal.shown);
}

void AuditRecord::set_end(const CloseReason& why, bool begun, Duration took) {
  side_ = why.side;
  kind_ = why.kind;
  begun_ = begun;
  took_ = took;
  if (!why.detail.empty()) set(Text::cause, why.detail);
}

void AuditRecord::set(Text which, std::string_view text) {
  const auto index = static_cast<std::size_t>(which);
  const auto bit = static_cast<std::uint8_t>(1U << index);
  const std::string_view kept = cut(text, which == Text::topic ? kMaxTopic : kMaxText);
  present_ |= bit;
  if (kept.size() < text.size()) truncated_ |= bit;
  begin_[index] = static_cast<std::uint16_t>(texts_.size());
  size_[index] = static_cast<std::uint16_t>(kept.size());
  texts_ += kept;
}

std::string_view AuditRecord::get(Text which) const {
  const auto index = static_cast<std::size_t>(which);
  return std::string_view(texts_).substr(begin_[index], size_[index]);
}

std::string AuditRecord::to_line() const {
  Json line;
  line["time"] = to_rfc3339(when_);
  line["event"] = name_of(what_);
  if (session_ != 0) line["session"] = session_;
  line["listener"] = get(Text::listener);
  line["address"] = get(Text::address);
  if (session_ != 0) line["client_id"] = get(Text::client_id);
  if (has(present_, Text::username)) line["username"] = get(Text::username);
  if (certificate_) {
    line["certificate"] = names_of(*certificate_);
  }
  // Under another key, because nothing of it was verified.
  if (shown_) line["unverified_certificate"] = names_of(*shown_);
  if (version_) line["version"] = to_string(*version_);
  if (what_ == Event::refusal) {
    line["phase"] = to_string(phase_);
    line["from"] = to_string(side_);
    if (packet_ != mqtt::PacketType::reserved) line["packet"] = to_string(packet_);
    if (has(present_, Text::topic)) line["topic"] = get(Text::topic);
    line["action"] = to_string(action_);
    line[is_rule_ ? "rule" : "check"] = get(Text::cause);
    line["reason"] = {{"code", static_cast<unsigned>(reason_)}, {"text", reason_text(reason_)}};
  } else if (what_ == Event::session_end) {
    line["begun"] = begun_;
    line["side"] = to_string(side_);
    line["kind"] = to_string(kind_);
    if (has(present_, Text::cause)) line["detail"] = get(Text::cause);
    if (begun_) {
      // Milliseconds are enough and keep the number short.
      const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(took_).count();
      line["duration_seconds"] = static_cast<double>(millis) / 1000.0;
    }
  }
  if (truncated_ != 0) {
    Json names = Json::array();
    for (std::size_t i = 0; i < kTexts; ++i)
      if (has(truncated_, static_cast<Text>(i))) names.push_back(kTextNames[i]);
    line["truncated"] = std::move(names);
  }
  return dump(line);
}

std::string AuditLoss::to_line(AuditRecord::Time when) const {
  Json line;
  line["time"] = to_rfc3339(when);
  line["event"] = "lost";
  line["lines"] = lines();
  line["reasons"] = {{"queue_full", queue_full}, {"repeated", repeated}, {"write", write}};
  return dump(line);
}

}  // namespace sallyport::observe
