#pragma once

#include <string>

namespace sallyport::observe {

/// A line for the operator's log.
struct Notice {
  bool warning = true;  // else it is for information
  std::string text;
};

}  // namespace sallyport::observe
