// What is expected of SUBSCRIBE and UNSUBSCRIBE, and of what answers them.

#include <algorithm>
#include <iterator>

#include "check.h"
#include "model.h"

namespace sallyport::fuzz {

using mqtt::PacketType;
using mqtt::Version;

void Model::on_subscribe(Expected e) {
  const auto subscribe = mqtt::decode_subscribe(input_frame(Side::client, e), version_, kWide);
  must(subscribe.has_value(), "SUBSCRIBE is one");
  ++requested_;
  filters_ += subscribe->count;
  must(e.too_many == (subscribe->count > limits_.max_filters) ||
           std::ranges::find(e.refused, "") != e.refused.end(),
       "filters beyond the most are refused, and no others for that");
  expect_request(*subscribe, std::move(e));
}

void Model::on_unsubscribe(Expected e) {
  const auto request = mqtt::decode_subscribe(input_frame(Side::client, e), version_, kWide);
  must(request.has_value(), "UNSUBSCRIBE is one");
  must(!e.too_many, "it may have any number of filters");
  ++requested_;
  expect_request(*request, std::move(e));
}

/// A request of which some or all filters may have been refused.
void Model::expect_request(const mqtt::Subscribe& asked, Expected e) {
  const bool has_codes = asked.type == PacketType::subscribe || version_ == Version::v5;
  Request request{.counts = {asked.count}, .refused = {}, .reduced = false};
  std::map<std::string, std::pair<int, std::size_t>, std::less<>> places;
  const std::vector<std::string> told = e.refused;
  std::size_t index = 0;
  mqtt::FilterEntry entry;
  for (Bytes rest = asked.payload; mqtt::next_filter(asked.type, rest, entry); ++index) {
    if (e.too_many && index >= limits_.max_filters) {
      e.refused.emplace_back(entry.filter);
      request.refused.insert(index);
      continue;
    }
    auto& [count, place] = places[std::string(entry.filter)];
    ++count;
    place = index;
  }
  // Without a topic the whole of it was refused.
  const bool whole = std::ranges::find(told, "") != told.end();
  if (whole || e.refused.size() == asked.count) {
    must(e.way == Way::verbatim, "what is refused is not rewritten");
    subacks_[asked.packet_id].push_back(has_codes ? asked.count : 0U);
    return;
  }
  request.reduced = !e.refused.empty();
  must((e.way == Way::subscribe) == request.reduced, "refused filters are taken out");
  for (const std::string& filter : told) {
    const auto at = places.find(filter);
    must(at != places.end(), "a filter that was there");
    if (at->second.first == 1) request.refused.insert(at->second.second);
  }
  if (has_codes) note_request(asked.packet_id, std::move(request));
  expect(Side::client, std::move(e));
}

/// Under an identifier that is used again before its answer, that one is remembered from which
/// filters were taken out.
void Model::note_request(std::uint16_t id, Request request) {
  const auto [at, is_new] = requests_.try_emplace(id, request);
  if (is_new) return;
  request.counts.merge(at->second.counts);
  if (at->second.reduced) {
    at->second.counts = std::move(request.counts);
  } else {
    at->second = std::move(request);
  }
}

void Model::on_suback(Expected e) {
  CheckSet tolerated;
  const auto suback =
      mqtt::decode_suback(input_frame(Side::broker, e), version_, kWide, &tolerated);
  must(suback.has_value(), "SUBACK is one");
  const auto request = requests_.find(suback->packet_id);
  const bool reduced = request != requests_.end() && request->second.reduced;
  const bool codes = suback->type == PacketType::suback || version_ == Version::v5;
  must((e.way == Way::suback) == (reduced && codes), "codes are put back where they are missing");
  expect(Side::broker, std::move(e));
}

}  // namespace sallyport::fuzz
