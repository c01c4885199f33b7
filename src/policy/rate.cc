#include "sallyport/rate.h"

namespace sallyport {

std::string_view to_string(Action action) {
  switch (action) {
    case Action::drop: return "drop";
    case Action::disconnect: return "disconnect";
    case Action::report: return "report";
    case Action::throttle: return "throttle";
  }
  return "unknown";
}

}  // namespace sallyport
