#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sallyport/address.h"
#include "sallyport/time.h"

/// What operators set and a part reads, as plain values. The configuration's struct and the part's
/// struct both begin with the same one of these, or hold it: each default stands once, and what the
/// files say reaches the part as a whole, so that a new field cannot be forgotten on the way.
namespace sallyport::settings {

/// [turn]: what a worker's loop may spend on one thing before it looks at the others again. A round
/// is one poll of all sockets and what follows from it; what is left over goes on in the next one.
/// bench/beside.py shows what that does for the others.
struct Turn {
  /// Bytes that one socket brings in a round. Larger reads share the cost of a turn between more
  /// packets; smaller ones let the others in earlier while one side sends as fast as it can.
  std::uint32_t read_bytes = 128 * 1024;
  /// What is decided for each side of a connection in a round, in the unit of
  /// sallyport::Turn::work. It is what a flood of small packets costs the others. Less than a read
  /// brings is dear: what is left of it is kept and copied. 128 KiB hold 1,700 packets of 64 bytes.
  std::uint32_t packets = 2048;
  /// Steps of TLS handshakes in a round, of all connections together: each may cost a signature,
  /// which is more than hundreds of packets. They come behind what is established.
  std::uint32_t handshakes = 4;
  /// Connections that one listener accepts in a round: each costs a TLS engine.
  std::uint32_t accepts = 8;
  /// Sessions that a reload, a drain or a command looks at in a round. One that is judged anew
  /// costs about 8,400 instructions (bench/guard.toml: sweep/judge-*), so 200 are below 5 ms.
  std::uint32_t sessions = 200;
  [[nodiscard]] friend bool operator==(const Turn&, const Turn&) = default;
};

/// [accept]: how accepting copes with a process or a system that has no descriptors or memory left.
struct Accept {
  Duration pause = std::chrono::milliseconds(100);  // before accept() is tried again
  Duration say_every = std::chrono::seconds(10);    // the log says so at most so often
  [[nodiscard]] friend bool operator==(const Accept&, const Accept&) = default;
};

/// [files]: descriptors of the process.
struct Files {
  /// No connection gets these; they are for scrapes, reloads, the audit log and commands. Never
  /// more than a quarter of what the process may have.
  std::uint32_t held_back = 96;
  [[nodiscard]] friend bool operator==(const Files&, const Files&) = default;
};

/// [drain]: what becomes of the connections when the gateway is to end. The times follow one
/// another.
struct Drain {
  /// /readyz says no, and clients are let in and served as ever: until whoever sends clients here
  /// has noticed.
  Duration delay = Duration::zero();
  /// Nobody is let in any more, and the sessions are ended one by one, so that they do not all come
  /// to the other gateways at once. Zero: all of them at once.
  Duration window = Duration::zero();
  Duration timeout = std::chrono::seconds(10);  // what is still open then is closed
  Duration grace = std::chrono::seconds(2);     // the process ends all the same
  /// Where clients of 5.0 are sent: host, or host and port, in lower case. Empty: they are told
  /// that the gateway shuts down, and no more. 4.11 (5.0)
  std::vector<std::string> server_references;
  [[nodiscard]] friend bool operator==(const Drain&, const Drain&) = default;
};

/// What workers look at while they serve, and what is neither a listener's nor the broker's.
struct Gateway {
  Turn turn;
  Accept accept;
  Files files;
  Drain drain;
  /// [admin]: commands of an operator that may wait for their answers at once; each holds a list at
  /// most.
  std::uint32_t questions = 16;
  /// [connections] max: of all listeners and workers together; 0: no bound
  std::uint32_t max_connections = 0;
  [[nodiscard]] friend bool operator==(const Gateway&, const Gateway&) = default;
};

/// [broker]: what becomes of what the broker sends and should not.
struct BrokerFaults {
  /// A delivery that is wrong, and whole, ends the session. Else it is dropped, and acknowledged in
  /// the client's place.
  bool end_on_bad_delivery = false;
  /// What clients tolerate of brokers is refused as what they do not.
  bool refuse_deviations = false;
  /// Other servers to which the broker may send clients: host, or host and port, in lower case, as
  /// it writes them itself. 4.11 (5.0)
  std::vector<std::string> server_references;
  [[nodiscard]] friend bool operator==(const BrokerFaults&, const BrokerFaults&) = default;
};

/// [broker]
struct Broker {
  Duration connect_timeout = std::chrono::seconds(5);   // name, TCP and TLS together
  Duration connack_timeout = std::chrono::seconds(10);  // from dialling to CONNACK
  // Of each worker:
  std::uint32_t max_dials = 256;                  // at once
  std::uint32_t dial_queue = 10'000;              // that wait for one of those
  Duration dial_wait = std::chrono::seconds(10);  // each
  /// A broker's host that vanished without a word is noticed by the kernel, which asks after so
  /// long a silence; clients have MQTT's own keep-alive.
  Duration tcp_keep_alive = std::chrono::seconds(60);
  /// Bytes of one packet of the broker's that are kept until it can be decided: all of it, of a
  /// PUBLISH what stands before its payload.
  std::uint32_t max_gathered = 256 * 1024;
  [[nodiscard]] friend bool operator==(const Broker&, const Broker&) = default;
};

/// [[listener]]
struct Listener {
  std::uint32_t max_connections = 10'000;         // all workers together
  std::uint32_t max_connections_per_address = 0;  // 0: no limit; counts by PrefixLengths
  /// A side that is slow and takes not one byte for so long is taken for dead. Without it a peer
  /// that never reads would hold its place, and the other side, for ever. A device that writes its
  /// flash does not read for more than a minute.
  Duration stall_timeout = std::chrono::minutes(5);
  /// Proxies that put a PROXY header before each connection, which then says the address that
  /// counts. Empty: no header is read. Else others than these are not let in.
  std::vector<AddressPrefix> proxy_protocol = {};
  Duration proxy_header_timeout =
      std::chrono::seconds(5);  // from accept; connect_timeout counts on
  /// Longest PROXY header, in bytes. Version 2 may carry a whole client certificate.
  std::uint32_t max_proxy_header = 4096;
  [[nodiscard]] friend bool operator==(const Listener&, const Listener&) = default;
};

/// [[listener]]: what one connection may hold for its two sides, and how long its end may take.
struct Flow {
  /// A side is slow once so many bytes wait for it, and until no more than `low_water` are left.
  /// While it is slow the other side is not read.
  std::uint32_t high_water = 128 * 1024;
  std::uint32_t low_water = 32 * 1024;
  /// A side that does not even take the answers to what it sends itself is not read either.
  std::uint32_t choke_water = 256 * 1024;
  /// Bytes of the gateway's own packets that wait behind a packet that is streaming past; beyond
  /// these their cause is not read.
  std::uint32_t queued_replies = 4096;
  /// After the last word: how long bytes that wait are still sent, and how long the peer has for
  /// its own end once they are, and how many bytes of it are read and thrown away meanwhile.
  Duration flush_time = std::chrono::seconds(10);
  Duration linger = std::chrono::seconds(2);
  std::uint32_t discard = 1024 * 1024;
  [[nodiscard]] friend bool operator==(const Flow&, const Flow&) = default;
};

/// [[listener]]
struct Inspection {
  /// Bytes of PUBLISHes that one connection may have held at once, both directions together, for
  /// rules that inspect payloads.
  std::uint32_t max_held = 64 * 1024;
  [[nodiscard]] friend bool operator==(const Inspection&, const Inspection&) = default;
};

/// [login]
struct Login {
  Duration timeout = std::chrono::seconds(5);  // for the authenticator's answer
  [[nodiscard]] friend bool operator==(const Login&, const Login&) = default;
};

/// [ledger]: how many accounts are remembered at most. Each takes 32 bytes.
struct Ledger {
  std::uint32_t meters = 65'536;    // of limits: one for each client and limit; 2 MiB
  std::uint32_t connects = 65'536;  // of how often clients connect; 2 MiB
  [[nodiscard]] friend bool operator==(const Ledger&, const Ledger&) = default;
};

/// How an audit line is written. deploy/logs.md
enum class AuditFormat : std::uint8_t {
  native,  // Sallyport's own
  ecs,     // Elastic Common Schema
  ocsf,    // Open Cybersecurity Schema Framework
};

/// [observe]
struct Audit {
  /// Path, "stdout", "syslog", "journald", or "" for none. The two sockets may be elsewhere:
  /// "syslog:/path", "journald:/path".
  std::string audit_log;
  AuditFormat audit_format = AuditFormat::native;
  /// What this gateway is called in every audit line; "": as the host is.
  std::string instance;
  std::uint32_t audit_queue = 8192;  // lines of each worker that wait to be written
  /// What is written at most, of all workers together: so many bytes at once, and so many a second
  /// from there on. Lines beyond that are summed up. At the default rate 22 GB a day, where an
  /// attack goes on all day.
  std::uint32_t audit_bytes_per_second = 256 * 1024;
  std::uint32_t audit_bytes_burst = 16 * 1024 * 1024;
  /// The same notice to the operator is not repeated sooner.
  Duration notice_every = std::chrono::seconds(10);
  [[nodiscard]] friend bool operator==(const Audit&, const Audit&) = default;
};

/// [observe]: how a worker's audit lines are kept few. Every bound is per worker.
struct AuditLimits {
  std::uint32_t burst = 100;      // lines at once for one client and one cause; >= 1
  std::uint32_t per_second = 10;  // and so many a second from there on; >= 1
  /// So many times both for one certificate or address and one cause, whatever client identifiers
  /// it comes with; >= 1.
  std::uint32_t crowd = 20;
  /// What is left out is summed up, and the sums are written after this long.
  Duration interval = std::chrono::seconds(1);
  /// A session that was not throttled for this long is throttled no more.
  Duration throttle_quiet = std::chrono::seconds(10);
  [[nodiscard]] friend bool operator==(const AuditLimits&, const AuditLimits&) = default;
};

/// [log]
enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };
struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  /// Lines at once, and so many a second from there on; what is beyond is counted.
  std::uint32_t burst = 1000;
  std::uint32_t per_second = 50;
  [[nodiscard]] friend bool operator==(const Log&, const Log&) = default;
};

/// [observe]: how many values labels have that nobody lists beforehand.
struct Metrics {
  /// Names of roles, and of sets of roles where clients have several, that are told apart; what
  /// comes later is "other". Reloads add to them.
  std::uint32_t max_roles = 100;
  /// How many of those are named who are refused most and who send most; 0: nobody.
  std::uint32_t top = 10;
  [[nodiscard]] friend bool operator==(const Metrics&, const Metrics&) = default;
};

/// [observe]: what clients of its address may take.
struct Http {
  /// Connections at once. One more takes the place of the one that has waited longest for something
  /// other than the gateway.
  std::uint32_t max_clients = 32;
  Duration timeout = std::chrono::seconds(5);  // for a request, and again for taking the answer
  [[nodiscard]] friend bool operator==(const Http&, const Http&) = default;
};

/// [reload]: how the gateway follows the files that it was started with.
struct Reload {
  /// They are read again when they change. Off: when somebody says so.
  bool watch = true;
  /// So long nothing may have changed before they are read: whoever replaces several files is given
  /// the time to finish. While they change without end they are read every five times that.
  Duration debounce = std::chrono::milliseconds(200);
  /// Files that do not load, or do not fit together, are reported only after this: they may be half
  /// of a change.
  Duration patience = std::chrono::seconds(2);
  /// How often it is looked whether files have changed that the kernel has not told of.
  Duration poll = std::chrono::seconds(10);
  [[nodiscard]] friend bool operator==(const Reload&, const Reload&) = default;
};

/// [admin]: bounds of the socket.
struct Admin {
  std::uint32_t max_clients = 16;               // at once; one more is closed
  std::uint32_t max_request = 64 * 1024;        // bytes of a line
  Duration timeout = std::chrono::seconds(30);  // from a request's first byte to its answer read
  [[nodiscard]] friend bool operator==(const Admin&, const Admin&) = default;
};

}  // namespace sallyport::settings
