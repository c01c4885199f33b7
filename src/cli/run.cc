#include "cli/run.h"

#include <cstdio>

#include <uv.h>

#include "app/assemble.h"
#include "app/cpus.h"
#include "app/gateway.h"
#include "app/service_manager.h"
#include "app/settings.h"
#include "app/warnings.h"
#include "cli/check.h"
#include "cli/exit_code.h"
#include "net/loop.h"
#include "observe/log.h"
#include "observe/observe.h"
#include "proxy/server.h"

namespace sallyport::cli {

namespace {

int fail(const config::Diagnostic& diagnostic) {
  print({diagnostic}, stderr);
  return kFailure;
}

config::Diagnostic about_observe(const observe::Error& error,
                                 const config::ObserveOptions& options) {
  const bool audit = error.key == observe::Error::Key::audit_log;
  return {audit || !options.address ? options.audit_origin : options.address->origin, error.message,
          error.hint};
}

}  // namespace

int run(const std::string& gateway_path, const BuildInfo& build) {
  auto assembled = app::assemble(gateway_path);
  if (!assembled) {
    print(assembled.error(), stderr);
    return kFailure;
  }
  const config::GatewayOptions& options = assembled->options;
  // libuv knows on which cores this process may run, but of no quota before version 1.49.
  const std::size_t workers =
      options.workers != 0 ? options.workers
                           : app::default_workers(uv_available_parallelism(), app::cpu_quota());

  observe::Log log(options.log);
  app::raise_file_limit();

  const auto observe = observe::Observe::start(app::observe_options(options, build, workers), log);
  if (!observe) return fail(about_observe(observe.error(), options.observe));

  const auto loop = net::Loop::make();
  if (!loop) return fail({{gateway_path, 0, 0}, std::string(net::describe(loop.error())), ""});
  const auto manager = app::ServiceManager::from_environment();
  app::Gateway gateway(gateway_path, std::move(*assembled), build, manager, **loop, **observe, log);
  if (const auto bound = gateway.bind(workers); !bound) {
    return fail({bound.error().origin, bound.error().message, bound.error().hint});
  }
  if (const auto served = gateway.serve(); !served) {
    return fail({served.error().origin, served.error().message, served.error().hint});
  }
  (*loop)->run();
  return gateway.end();
}

}  // namespace sallyport::cli
