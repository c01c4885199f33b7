#include "admin/reply.h"

#include <utility>

#include "admin/protocol.h"

namespace sallyport::admin {

struct Reply::Shared {
  explicit Shared(std::unique_ptr<Receiver> to) : receiver(std::move(to)) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { answer(error_answer("unanswered", "the command ended without an answer", nullptr)); }

  void answer(Json json) {
    if (const auto to = std::exchange(receiver, nullptr)) to->on_answer(std::move(json));
  }

  std::unique_ptr<Receiver> receiver;
};

Reply::Reply(std::unique_ptr<Receiver> receiver)
    : shared_(std::make_shared<Shared>(std::move(receiver))) {}

void Reply::ok(Json result) const { shared_->answer(ok_answer(std::move(result))); }

void Reply::error(std::string_view code, std::string message, Json details) const {
  shared_->answer(error_answer(code, std::move(message), std::move(details)));
}

}  // namespace sallyport::admin
