#pragma once

#include <string>
#include <vector>

#include "sallyport/session.h"

namespace sallyport::fuzz {

/// What happens to a session, as a fuzzer's input says it. Every input means something, and most
/// mean something that a client, a broker or an operator might do: a valid CONNECT costs no luck.
///
/// An input is one header of kHeader bytes and then records of kRecord bytes each; what is missing
/// is 0. Records of one size keep their meaning when others are put in or taken out.
inline constexpr std::size_t kHeader = 32;
inline constexpr std::size_t kRecord = 8;

struct Step {
  enum class Kind : std::uint8_t {
    feed,     // `bytes` arrive from `side`, in one read
    answer,   // `side` answers the oldest packet that it got and has not answered
    accept,   // the broker's connection stands
    pass,     // time goes by; timers fire on time
    policy,   // another policy comes into force: `number`
    reading,  // the relay stops reading `side`, or goes on: `number`
    end,      // the transport of `side` ends
    shut_down,
    login,  // the authenticator answers: `number`
    order,  // somebody ends the session
  };
  /// What an authenticator says.
  enum Login : unsigned { accepts, refuses, unavailable, accepts_for_10_s, tells_attributes };
  static constexpr unsigned kLogins = 5;
  Kind kind = Kind::feed;
  Side side = Side::client;
  std::string bytes;
  Duration time{};
  unsigned number = 0;
};

struct Script {
  mqtt::Version version = mqtt::Version::v5;  // that most packets are written in
  SessionOptions options;
  std::vector<policy::PolicySpec> policies;  // the first is in force from the beginning
  std::uint8_t cuts = 0;                     // how the second run cuts what arrives
  std::vector<Step> steps;
};

[[nodiscard]] Script read_script(Bytes input);

}  // namespace sallyport::fuzz
