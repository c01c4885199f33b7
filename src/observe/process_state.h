#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "observe/observe.h"

namespace sallyport::observe {

/// What the composition root says about the process as a whole.
struct ProcessState {
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
  bool last_reload_ok = true;
  bool config_stale = false;
  std::chrono::system_clock::time_point last_success;
  std::vector<CertificateExpiry> certificates;
  std::vector<AuthorityExpiry> authorities;
  std::vector<CrlExpiry> crls;
  std::vector<ConnectionLimit> limits;
  LedgerFigures ledger;
  std::size_t roles = 0;
  std::size_t rules = 0;
  bool ready = false;
  bool draining = false;
};

}  // namespace sallyport::observe
