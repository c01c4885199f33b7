#pragma once

#include <string>
#include <string_view>

#include "bench/load/tally.h"

/// What the program says on standard output: lines for people, or JSON objects, one a line.
namespace sallyport::bench {

/// The counts of a run of clients.
struct LoadReport {
  std::uint32_t publishers = 0;
  std::uint32_t subscribers = 0;
  std::uint32_t idle = 0;
  std::uint64_t visits = 0;      // connections made and ended one after the other
  std::uint64_t lost = 0;        // clients that went before they were told to
  Duration connecting{};         // until all clients were ready
  Duration running{};            // from there to the last message
  std::string_view tls_version;  // empty: no TLS
  Tally tally;
  std::string problem;  // why the run failed; empty: it did not
};

/// The counts of a sink.
struct SinkReport {
  std::uint64_t connections = 0;
  std::uint64_t connects = 0;  // CONNECT packets
  std::uint64_t subscribes = 0;
  std::uint64_t pings = 0;
  std::uint64_t malformed = 0;  // connections that ended for what was sent on them
  Duration receiving{};         // from the first PUBLISH to the last
  Tally tally;                  // published: deliveries
};

class Reporter final {
 public:
  explicit Reporter(bool json) : json_(json) {}
  /// All clients are connected; now the messages begin.
  void ready(const LoadReport& report) const;
  void end(const LoadReport& report) const;
  void listening(std::string_view host, std::uint16_t port) const;
  void end(const SinkReport& report) const;

 private:
  bool json_;
};

}  // namespace sallyport::bench
