#pragma once

#include <expected>
#include <string>
#include <vector>

#include "app/inputs.h"
#include "config/load.h"
#include "config/options.h"
#include "tls/context.h"

namespace sallyport::app {

/// Everything that files say, loaded and checked: what `run` starts with and what a reload swaps
/// in.
struct Assembled {
  config::GatewayOptions options;
  policy::Policy::Ptr policy;
  std::vector<tls::Context::Ptr> listener_tls;  // one for each of options.listeners; null: plain
  tls::Context::Ptr broker_tls;                 // null: plain
  std::string observe_token;                    // empty: there is none
  Inputs inputs;                                // what all this was read from, and nothing else
};

/// Reads gateway.toml, the policy files, certificates and keys. All or nothing: on an error nothing
/// has been changed, and the answer is everything that is wrong with any of them, by file and line.
/// Where files change meanwhile all are read again, so that nothing is half of a change.
/// `check`, `run` and a reload all come here, so that what `check` accepts is what `run` accepts.
/// Opens no socket and writes no file.
[[nodiscard]] std::expected<Assembled, config::Diagnostics> assemble(const std::string& path);

}  // namespace sallyport::app
