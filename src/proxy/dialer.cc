#include "proxy/dialer.h"

#include <cstdlib>
#include <utility>

#include "proxy/failure.h"

namespace sallyport::proxy {

Dialer::~Dialer() {
  // A ticket that is left would write to freed memory when it goes: a bug that must not pass.
  if (running_ != 0 || waiting_ != 0) std::abort();
}

void Dialer::configure(const BrokerSettings& settings) {
  connect_timeout_ = settings.connect_timeout;
  most_running_ = settings.max_dials;
  most_waiting_ = settings.dial_queue;
  wait_ = settings.dial_wait;
  schedule();
}

std::unique_ptr<Dialer::Ticket> Dialer::request(Instant now, Handler& handler) {
  std::unique_ptr<Ticket> ticket(new Ticket(*this, handler));
  if (waiting_ == 0 && running_ < most_running_) {
    start(*ticket, now);
  } else if (waiting_ < most_waiting_) {
    enqueue(*ticket, now);
  } else {
    ticket->deadline_.set(now);  // so that this, too, is said by the loop
  }
  return ticket;
}

void Dialer::start(Ticket& ticket, Instant now) {
  ++running_;
  ticket.state_ = Ticket::State::running;
  net::Connector::Handler& handler = ticket;
  ticket.connector_.emplace(loop_, timers_, resolver_, handler);
  ticket.connector_->start(now, connect_timeout_);
}

void Dialer::enqueue(Ticket& ticket, Instant now) {
  ++waiting_;
  ticket.state_ = Ticket::State::waiting;
  ticket.before_ = last_;
  (last_ == nullptr ? first_ : last_->behind_) = &ticket;
  last_ = &ticket;
  ticket.deadline_.set(now + wait_);
}

void Dialer::dequeue(Ticket& ticket) {
  --waiting_;
  ticket.deadline_.set(kNever);
  (ticket.before_ == nullptr ? first_ : ticket.before_->behind_) = ticket.behind_;
  (ticket.behind_ == nullptr ? last_ : ticket.behind_->before_) = ticket.before_;
  ticket.before_ = ticket.behind_ = nullptr;
}

/// The ticket holds no place any more.
void Dialer::release(Ticket& ticket) {
  if (ticket.state_ == Ticket::State::waiting) {
    dequeue(ticket);
  } else if (ticket.state_ == Ticket::State::running) {
    --running_;
    schedule();
  }
  ticket.state_ = Ticket::State::over;
}

/// Whoever gives a place back is in the middle of a turn of its own, so the next one begins from
/// the loop.
void Dialer::schedule() {
  if (waiting_ != 0 && running_ < most_running_) next_.set(net::Loop::now());
}

void Dialer::on_timer(Instant now) {
  while (first_ != nullptr && running_ < most_running_) {
    Ticket& ticket = *first_;
    dequeue(ticket);
    start(ticket, now);
    ticket.handler_.on_dial_begun(now);  // may destroy the ticket
  }
}

Dialer::Ticket::~Ticket() { dialer_.release(*this); }

void Dialer::Ticket::on_connected(net::Socket socket) {
  connector_.reset();
  handler_.on_dialled(std::move(socket));  // may destroy the ticket
}

void Dialer::Ticket::on_connect_failed(int error) {
  connector_.reset();
  dialer_.release(*this);
  handler_.on_dial_failed(broker_check(error), net::describe(error));  // may destroy the ticket
}

void Dialer::Ticket::on_timer(Instant /*now*/) {
  const bool waited = state_ == State::waiting;
  dialer_.release(*this);
  if (waited) {
    handler_.on_dial_failed(Check::broker_queue, "waited too long for a dial to the broker");
  } else {
    handler_.on_dial_failed(Check::broker_queue_full, "too many wait for a dial to the broker");
  }
}

}  // namespace sallyport::proxy
