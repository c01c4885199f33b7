#pragma once

#include <memory>

#include "sallyport/login.h"

#include "net/work_pool.h"

namespace sallyport::auth {

/// Says whether a client is who its CONNECT says it is. The answer may take time: a password is
/// hashed, somebody else is asked.
///
/// Thread: any; all workers ask the same one. Owner: the settings of the listeners that ask it, and
/// so every relay that has asked: it outlives the tickets. A reload makes a new one. A job that
/// runs while its ticket is destroyed goes on: it shares what it looks at (shared_from_this()).
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  class Handler {
   public:
    /// The answer, once, on the loop that asked; never called out of submit(). May destroy the
    /// request.
    virtual void on_login(LoginResult result) = 0;

   protected:
    ~Handler() = default;
  };

  /// A question that waits for its answer. Destroyed: cancelled, and the handler is not called.
  class Pending {
   public:
    virtual ~Pending() = default;
  };
  using Ticket = std::unique_ptr<Pending>;

  /// Asks. What the request points to is valid during this call only: an implementation copies what
  /// it needs, and wipes its copy of the password when it has the answer or was cancelled. What
  /// takes long is a job of `port`, which is the asking loop's. Returns null if no more questions
  /// can be taken now, and then the handler is not called: the answer is LoginUnavailable.
  /// `handler` outlives the ticket.
  [[nodiscard]] virtual Ticket submit(const LoginRequest& request, net::WorkPool::Port& port,
                                      Handler& handler) = 0;
};

}  // namespace sallyport::auth
