#include "proxy/sweep.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/relay.h"

namespace sallyport::proxy {

namespace {

void visit(task::Judge& task, Relay& relay) {
  if (relay.follow_policy()) ++task.judged;
}
void visit(task::Abort&, Relay& relay) { relay.abort(); }

void visit(task::List& task, Relay& relay) {
  if (!relay.fits(task.filter)) return;
  task.answer->put([&](std::vector<SessionRow>& rows) {
    if (rows.size() < task.most) rows.push_back(relay.row());
  });
}

void visit(task::End& task, Relay& relay) {
  if (!relay.fits(task.filter)) return;
  relay.end(task.why, task.reason);
  task.answer->put([](std::size_t& ended) { ++ended; });
}

}  // namespace

void Sweep::begin(SweepTask task) {
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) begin_first();
}

void Sweep::judge(std::vector<Count> answers) {
  // The first task may have begun.
  for (std::size_t i = visited_ ? 1 : 0; i < tasks_.size(); ++i) {
    if (auto* const waiting = std::get_if<task::Judge>(&tasks_[i])) {
      waiting->answers.insert(waiting->answers.end(), std::make_move_iterator(answers.begin()),
                              std::make_move_iterator(answers.end()));
      return;
    }
  }
  begin(task::Judge{std::move(answers)});
}

void Sweep::clear() {
  tasks_.clear();
  turn_.cancel();
  visited_ = false;
}

void Sweep::begin_first() {
  visited_ = false;
  if (tasks_.empty()) return;
  ++number_;
  left_ = relays_.size();
  loop_.enqueue(turn_);
}

void Sweep::on_run(net::Task&) {
  SweepTask& first = tasks_.front();
  std::uint32_t slice = slice_;
  left_ = std::min(left_, relays_.size());  // some may have gone
  while (left_ != 0 && slice != 0) {
    Relay& relay = *relays_[--left_];
    if (std::exchange(relay.swept, number_) == number_) continue;
    visited_ = true;
    --slice;
    // A relay is deleted from the loop only, so the list stays as it is.
    std::visit([&relay](auto& task) { visit(task, relay); }, first);
  }
  if (left_ != 0) {
    loop_.enqueue(turn_);
    return;
  }
  if (const auto* const done = std::get_if<task::Judge>(&first)) {
    for (const Count& answer : done->answers) {
      answer->put([done](std::size_t& judged) { judged += done->judged; });
    }
  }
  tasks_.pop_front();
  begin_first();
}

}  // namespace sallyport::proxy
