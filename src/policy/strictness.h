#pragma once

#include "sallyport/rate.h"

namespace sallyport::policy {

/// disconnect > drop > report. throttle is nothing that a refusal can do, and compile() lets it
/// name none; should it come here, it counts as drop.
[[nodiscard]] constexpr int strictness(Action action) {
  switch (action) {
    case Action::disconnect:
      return 2;
    case Action::report:
      return 0;
    case Action::drop:
    case Action::throttle:
      break;
  }
  return 1;
}
[[nodiscard]] constexpr Action stricter(Action a, Action b) {
  return strictness(a) >= strictness(b) ? a : b;
}

}  // namespace sallyport::policy
