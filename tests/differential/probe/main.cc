#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "describe.h"
#include "input.h"
#include "make.h"
#include "play.h"

/// The decoders and encoders of the gateway, for a test that is written in another language: JSON
/// in, JSON out, a line each, in order.
///
///   {"do": "decode", "from": "client", "version": 5, "bytes": "c000"}   see describe.h
///   {"do": "play", "steps": [...]}                                      see play.h
///   {"do": "connack", "version": 4, ...}                                see make.h; {"bytes": hex}
namespace sallyport::differential {

namespace {

using nlohmann::json;

json answer(const json& request) {
  const Input given(request.value("bytes", std::string()));
  if (request.at("do") == "decode") {
    const auto from = request.at("from") == "client" ? Side::client : Side::broker;
    const auto version = static_cast<mqtt::Version>(request.at("version").get<unsigned>());
    return describe_stream(given.bytes(), from, version);
  }
  if (request.at("do") == "play") return play(request);
  Buffer out;
  if (!make_packet(request, given.bytes(), out)) return {{"bytes", nullptr}};
  return {{"bytes", to_hex(out.bytes())}};
}

}  // namespace

}  // namespace sallyport::differential

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << sallyport::differential::answer(nlohmann::json::parse(line)) << '\n';
    } catch (const std::exception& error) {
      std::cout.flush();
      std::cerr << "probe: " << error.what() << "\n  in: " << line.substr(0, 400) << '\n';
      return 2;
    }
  }
  return 0;
}
