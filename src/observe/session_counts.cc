// What a worker counts by listener and role, and of whom: sessions, what they move, who is refused
// most. A session's Seat keeps where it is counted, so nothing is looked up for each event.

#include "observe/reason_text.h"
#include "observe/worker_events.h"

namespace sallyport::observe {

namespace {

template <typename List>
std::optional<std::size_t> index_in(const List& list, mqtt::PacketType type) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == type) return i;
  }
  return std::nullopt;
}

}  // namespace

std::uint32_t WorkerEvents::group_of(const Who& who) const {
  if (who.seat != nullptr && who.seat->group != 0) return who.seat->group;
  return counters_.groups.group(names_.listener_index(who.identity.listener), names_.no_role);
}

void WorkerEvents::on_admitted(const Who& who, std::string_view roles) {
  if (who.seat == nullptr) return;
  const std::uint32_t group =
      counters_.groups.group(names_.listener_index(who.identity.listener), names_.roles.id(roles));
  if (who.seat->open && group != who.seat->group) {
    counters_.groups[who.seat->group].open.down();
    counters_.groups[group].open.up();
  }
  who.seat->group = group;
}

void WorkerEvents::begin_count(const Who& who) {
  GroupCounters& group = counters_.groups[group_of(who)];
  group.begun.add();
  group.open.up();
  if (who.seat != nullptr) who.seat->open = true;
}

void WorkerEvents::end_count(const Who& who) {
  counters_.groups[group_of(who)].open.down();
  if (who.seat != nullptr) who.seat->open = false;
}

void WorkerEvents::on_moved(const Who& who, const Tally& so_far) {
  if (who.seat == nullptr) return;
  Seat& seat = *who.seat;
  GroupCounters& group = counters_.groups[group_of(who)];
  std::uint32_t sent = 0;
  for (const Side from : {Side::broker, Side::client}) {
    const auto packets = static_cast<std::uint32_t>(so_far.packets[from]);
    sent = packets - seat.packets[from];
    group.packets[static_cast<std::size_t>(from)].add(sent);
    group.bytes[static_cast<std::size_t>(from)].add(so_far.bytes[from] - seat.bytes[from]);
    seat.packets[from] = packets;
  }
  seat.bytes = so_far.bytes;
  if (sent != 0 && seat.open) count_talk(who, sent);
}

void WorkerEvents::on_turn(Duration took) { counters_.turn_took.observe(took); }

void WorkerEvents::count_talk(const Who& who, std::uint32_t packets) {
  Seat& seat = *who.seat;
  if (seat.talker != 0 && counters_.talkers.add_at(seat.place, seat.talker, packets)) return;
  const TopTable::Name name = name_of(who, true);
  if (seat.talker == 0) seat.talker = key_of(name);
  seat.place = static_cast<std::uint32_t>(counters_.talkers.add(seat.talker, packets, name));
}

/// `agreed`: the broker has agreed to the client identifier. Else anybody could write another one
/// into each CONNECT, and be nobody.
TopTable::Name WorkerEvents::name_of(const Who& who, bool agreed) {
  const Identity& identity = who.identity;
  if (agreed && !identity.client_id.empty()) return {NameKind::client_id, identity.client_id};
  if (identity.certificate != nullptr && !identity.certificate->common_name.empty()) {
    return {NameKind::certificate, identity.certificate->common_name};
  }
  address_ = counted_address(identity);
  return {NameKind::address, address_};
}

std::uint64_t WorkerEvents::key_of(const TopTable::Name& name) const {
  const std::uint64_t kind = static_cast<std::uint64_t>(name.kind);
  const std::uint64_t hash = siphash({key_[0] ^ kind, key_[1]}, name.text);
  return hash == 0 ? 1 : hash;
}

void WorkerEvents::count_offence(const Who& who, const Refusal& refusal) {
  // What is the broker's fault is no offence of the client's, and what was only reported passed.
  if (refusal.from == Side::broker || refusal.action == Action::report || names_.top == 0) return;
  const TopTable::Name name = name_of(who, refusal.phase == Phase::open);
  counters_.offenders.add(key_of(name), 1, name);
}

void WorkerEvents::on_login(const Who& /*who*/, LoginAnswer answer, Duration took) {
  counters_.login_took[static_cast<std::size_t>(answer) % kLoginAnswers].observe(took);
}

void WorkerEvents::on_broker_answer(mqtt::PacketType answer, Duration took) {
  if (const auto index = index_in(kAnswers, answer)) counters_.answer_took[*index].observe(took);
}

void WorkerEvents::on_broker_refusal(const Who& /*who*/, mqtt::PacketType answer,
                                     mqtt::ReasonCode code) {
  const auto index = index_in(kRefusingAnswers, answer);
  if (!index) return;
  if (!is_known(code)) code = mqtt::ReasonCode::unspecified_error;
  counters_.broker_refusals[*index][static_cast<std::uint8_t>(code)].add();
}

void WorkerEvents::on_dials(std::uint32_t running, std::uint32_t waiting) {
  counters_.dials_running.set(running);
  counters_.dials_waiting.set(waiting);
}

}  // namespace sallyport::observe
