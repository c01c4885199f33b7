#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model.h"
#include "script.h"

namespace sallyport::fuzz {

/// Writes text for a terminal: what is not printable in hexadecimal.
void show(std::string_view text);

/// Plays a script to a session as the relay would, under the eyes of a Model, and writes down what
/// happened at every step.
class Runner final : public Events {
 public:
  /// Of a read, how many bytes the session gets at a time: pieces of 1 to `cut`; 0: all at once.
  Runner(const Script& script, const std::vector<policy::Policy::Ptr>& policies, unsigned cut);
  ~Runner() override;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// What happened, step by step. With the environment variable FUZZ_TRACE it is shown, too.
  [[nodiscard]] std::vector<std::string> play();

 private:
  void on_packet(Side from, mqtt::PacketType type, std::uint64_t bytes) override;
  void on_refusal(const Who& who, const Refusal& refusal) override;
  void on_rewrite(Rewrite what) override;
  void on_throttle(const Who& who, Side from, policy::Cause cause, Duration pause) override;
  void on_session_begin(const Who& who) override;
  void on_session_end(const Who& who, const CloseReason& why, bool begun) override;

  void play(const Step& step);
  void feed(Side from, std::string_view bytes);
  void feed_kept(Side from);
  void feed_what_waits();
  std::string answer(Side side);
  void pass(Duration time);
  void answer_login(unsigned answer);
  void after_the_end();
  /// Calls the session with a turn of its own, and takes what comes out.
  template <typename Call>
  void call(Call call);
  void drain(Side to);
  /// `moved`: bytes that came in and went out.
  void check_memory(std::size_t bound_before, std::size_t moved);
  void note(std::string_view what, std::uint64_t number = 0);

  const Script& script_;
  const std::vector<policy::Policy::Ptr>& policies_;
  const unsigned cut_;
  const bool trace_;
  std::uint32_t random_;
  Model model_;
  Instant now_{std::chrono::seconds(1000)};
  std::unique_ptr<Session> session_;
  Turn* turn_ = nullptr;  // of the call that runs
  std::size_t drained_[2] = {0, 0};
  std::size_t offered_ = 0;  // to the feed() that runs
  std::string kept_[2];
  std::string to_[2];  // what came out in this step
  std::string log_;
  bool asked_ = false;   // an authenticator was
  bool let_in_ = false;  // and it said yes
  bool dialled_ = false;
  bool connected_ = false;
  bool begun_ = false;
  bool closed_ = false;
  bool ended_ = false;
};

}  // namespace sallyport::fuzz
