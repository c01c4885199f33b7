#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/assemble.h"
#include "observe/observe.h"
#include "proxy/settings.h"

/// What the files say, in the words of each part. Parts do not know the configuration's structs.
namespace sallyport::app {

/// What nobody outside can guess. Throws std::system_error if the system has none, which it always
/// has.
[[nodiscard]] HashKey random_key();

/// Everything that workers look at. `ledger` outlives it.
[[nodiscard]] std::shared_ptr<const proxy::Snapshot> snapshot_of(const Assembled& assembled,
                                                                 Ledger& ledger);

[[nodiscard]] observe::Options observe_options(const config::GatewayOptions& options,
                                               const BuildInfo& build, std::size_t workers);

[[nodiscard]] std::vector<observe::CertificateExpiry> expiries(const Assembled& assembled);
/// Of each bundle those that end first.
[[nodiscard]] std::vector<observe::AuthorityExpiry> authorities(const Assembled& assembled);

/// Of each bundle those that are over first.
[[nodiscard]] std::vector<observe::CrlExpiry> crls(const Assembled& assembled);

/// `most_by_files`: proxy::Server::most_by_files().
[[nodiscard]] std::vector<observe::ConnectionLimit> connection_limits(
    const config::GatewayOptions& options, std::uint32_t most_by_files);

/// What a reload cannot change, of what the proxy does not look at: one line for each key under
/// which the files say something else than what the process was started with.
[[nodiscard]] std::vector<std::string> restart_needed(const config::GatewayOptions& started,
                                                      const config::GatewayOptions& now);

}  // namespace sallyport::app
