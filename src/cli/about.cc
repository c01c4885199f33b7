#include "cli/about.h"

#include <array>

namespace sallyport::cli {

namespace {

constexpr auto kSections = std::to_array<Section>({
    {"Examples",
     R"(sallyport check -c gateway.toml     say everything that is wrong with the configuration
sallyport run -c gateway.toml       serve until SIGTERM
kill -HUP $(pidof sallyport)        reload policies, certificates and limits)"},
    {"Signals (run)",
     R"(SIGHUP            reads all files again. Live sessions go on under the new policy; with an error
                  anywhere the old configuration stays in force as a whole.
SIGUSR1           opens the audit log's file again, for logrotate.
SIGTERM, SIGINT,  is not ready any more, says goodbye to every session and ends, as [drain] says;
SIGQUIT           a second one ends at once.
all others        mean nothing to it. What comes while it starts is answered once it has started.)"},
    {"Exit codes", R"(0   check: the configuration is good; run: ended by a signal
1   the configuration has errors, or something it needs cannot be had (a port, a file)
2   the command line is not understood)"},
});

}  // namespace

const char* about() {
  return "Sallyport: a transparent MQTT security gateway. It stands in front of a broker, ends "
         "the\n"
         "devices' TLS, reads every MQTT packet in both directions, forwards the bytes that the "
         "policy\n"
         "allows, and answers the rest the way the protocol says.";
}

std::span<const Section> sections() { return kSections; }

}  // namespace sallyport::cli
