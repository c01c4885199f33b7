#pragma once

#include <memory>

#include "sallyport/login.h"

namespace sallyport::auth {

/// Says whether a client is who its CONNECT says it is. The answer may take time: a password is
/// hashed, somebody else is asked.
///
/// Thread: one loop's; every worker has its own, over what it shares with the others. Owner: the
/// worker. It outlives the requests.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  class Handler {
   public:
    /// The answer, once; never called out of submit(). May destroy the request.
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
  /// it needs, and wipes its copy of the password when it has the answer or was cancelled. Returns
  /// null if it cannot take any more questions now, and then the handler is not called: the answer
  /// is LoginUnavailable. `handler` outlives the ticket.
  [[nodiscard]] virtual Ticket submit(const LoginRequest& request, Handler& handler) = 0;
};

}  // namespace sallyport::auth
