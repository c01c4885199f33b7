#pragma once

#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

namespace sallyport::admin {

/// Members keep the order in which they are set: people read them.
using Json = nlohmann::ordered_json;

/// Where the answer to one request goes. It may be given at once or later, but on the loop's
/// thread; the first call counts, further ones do nothing. An asker that has gone hears nothing.
/// Copies stand for the same request; where all of them go unanswered, the asker is told so.
class Reply final {
 public:
  class Receiver {
   public:
    virtual ~Receiver() = default;
    virtual void on_answer(Json answer) = 0;
  };

  explicit Reply(std::unique_ptr<Receiver> receiver);

  void ok(Json result) const;
  /// `code` is a stable word for programs, `message` a sentence for people. `details` may be null.
  void error(std::string_view code, std::string message, Json details = nullptr) const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace sallyport::admin
