#include "app/session_commands.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "app/gateway.h"
#include "policy/address.h"
#include "policy/pattern.h"

namespace sallyport::app {

namespace {

using admin::Argument;
using admin::Json;
using admin::Reply;
using proxy::SessionFilter;

constexpr std::size_t kMost = 1000;

/// What is wrong with an argument; empty: nothing.
using Set = std::string (*)(SessionFilter& filter, const Json& value);

template <auto kMember>
std::string set_text(SessionFilter& filter, const Json& value) {
  filter.*kMember = value.get<std::string>();
  return "";
}

std::string set_id(SessionFilter& filter, const Json& value) {
  filter.id = value.get<std::uint64_t>();
  return "";
}

std::string set_address(SessionFilter& filter, const Json& value) {
  const auto network = policy::parse_network(value.get<std::string>());
  if (!network) return network.error().message + "; " + network.error().hint;
  filter.address = *network;
  return "";
}

struct Row {
  Argument argument;
  Set set;
};

/// By which sessions are chosen; the names are those of `match` in a role.
constexpr auto kFilters = std::to_array<Row>({
    {{"session", Argument::Kind::number, "Its number in the audit log"}, set_id},
    {{"listener", Argument::Kind::text, "Name of its listener"},
     set_text<&SessionFilter::listener>},
    {{"address", Argument::Kind::text, "Address or network (CIDR) of the client"}, set_address},
    {{"client_id", Argument::Kind::text, "Client identifier"}, set_text<&SessionFilter::client_id>},
    {{"username", Argument::Kind::text, "Username"}, set_text<&SessionFilter::username>},
    {{"cert_cn", Argument::Kind::text, "Common name of the certificate"},
     set_text<&SessionFilter::cert_cn>},
    {{"cert_serial", Argument::Kind::text, "Serial number of the certificate, lower-case hex"},
     set_text<&SessionFilter::cert_serial>},
    {{"cert_fingerprint", Argument::Kind::text, "SHA-256 of the certificate, lower-case hex"},
     set_text<&SessionFilter::cert_fingerprint>},
});

/// The filters, and one argument more.
constexpr std::array<Argument, kFilters.size() + 1> with(Argument last) {
  std::array<Argument, kFilters.size() + 1> all{};
  for (std::size_t i = 0; i < kFilters.size(); ++i) all[i] = kFilters[i].argument;
  all.back() = last;
  return all;
}

constexpr auto kSessionsArguments =
    with({"most", Argument::Kind::number, "So many sessions at most (1000)"});
constexpr auto kKickArguments = with({"all", Argument::Kind::flag, "All sessions there are"});

/// Fills `filter`, or answers what is wrong and returns false.
bool read_filter(const Json& arguments, const Reply& reply, SessionFilter& filter) {
  for (const Row& row : kFilters) {
    if (!arguments.contains(row.argument.name)) continue;
    if (std::string wrong = row.set(filter, arguments[row.argument.name]); !wrong.empty()) {
      reply.error("bad-arguments", std::move(wrong));
      return false;
    }
  }
  return true;
}

Json text_or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

Json to_json(const proxy::SessionRow& row) {
  const Identity& who = row.identity;
  const auto age =
      std::chrono::duration_cast<std::chrono::seconds>(net::Loop::now() - row.since).count();
  return {{"session", row.id},
          {"listener", who.listener},
          {"address", who.address},
          {"client_id", who.client_id},
          {"username", text_or_null(who.username)},
          {"cert_cn", who.certificate != nullptr ? Json(who.certificate->common_name) : Json()},
          {"seconds", age},
          {"packets_from_client", row.tally.packets[Side::client]},
          {"packets_from_broker", row.tally.packets[Side::broker]},
          {"bytes_from_client", row.tally.bytes[Side::client]},
          {"bytes_from_broker", row.tally.bytes[Side::broker]},
          {"refused", row.tally.refused},
          {"throttled", row.tally.throttled},
          {"queued_for_client", row.queue[Side::client]},
          {"queued_for_broker", row.queue[Side::broker]}};
}

void busy(const Reply& reply) {
  reply.error("busy", "as many commands as may (questions in [admin]) wait for their answers");
}

void sessions(Gateway& gateway, const Json& arguments, Reply reply) {
  SessionFilter filter;
  if (!read_filter(arguments, reply, filter)) return;
  const std::size_t most = arguments.value("most", kMost);
  const bool asked = gateway.server().list(
      filter, most, {&gateway.inbox(), [reply](std::vector<proxy::SessionRow> rows) {
                       std::ranges::sort(rows, {}, &proxy::SessionRow::id);
                       Json all = Json::array();
                       for (const proxy::SessionRow& row : rows) all.push_back(to_json(row));
                       reply.ok(std::move(all));
                     }});
  if (!asked) busy(reply);
}

void kick(Gateway& gateway, const Json& arguments, Reply reply) {
  SessionFilter filter;
  if (!read_filter(arguments, reply, filter)) return;
  const bool all = arguments.value("all", false);
  const bool some = arguments.size() > arguments.count("all");
  if (all == some) {
    return reply.error("bad-arguments", "say which sessions, or --all");
  }
  const bool asked =
      gateway.server().end(filter, Check::kicked, mqtt::ReasonCode::administrative_action,
                           {&gateway.inbox(), [reply](std::size_t ended) {
                              reply.ok({{"ended", ended}});
                            }});
  if (!asked) busy(reply);
}

constexpr auto kCommands = std::to_array<AdminCommand>({
    {{"sessions", "List sessions: who, since when, what they have moved", kSessionsArguments},
     sessions},
    {{"kick", "End sessions, and say how many; their clients may come back", kKickArguments}, kick},
});

}  // namespace

std::span<const AdminCommand> session_commands() { return kCommands; }

}  // namespace sallyport::app
