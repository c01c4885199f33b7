// Lists of certificates: no line is both taken and wrong, an error names a line that is there,
// lines do not depend on each other, and an exception never lacks an end.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "input.h"
#include "tls/certificate_list.h"

using namespace sallyport;
using namespace sallyport::fuzz;
using tls::CertificateList;
using tls::TlsError;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  const bool needs_end = (input.u8() & 1) != 0;
  const Exact exact(input.rest());
  const std::string_view text = as_text(exact.bytes());
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(text, '\n') + 1);

  CertificateList whole;
  std::vector<TlsError> errors;
  whole.add(text, "list", needs_end, errors);
  must(whole.size() + errors.size() <= lines, "a line is taken, or wrong, or says nothing");
  std::uint32_t last = 0;
  for (const TlsError& error : errors) {
    must(error.file == "list" && error.line > last && error.line <= lines, "an error has its line");
    last = error.line;
  }
  if (errors.size() < 20) {  // it reads on behind every error
    CertificateList single;
    std::vector<TlsError> again;
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      single.add(rest.substr(0, end), "list", needs_end, again);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    must(single.size() == whole.size() && again.size() == errors.size(),
         "what a line says does not depend on others");
  }
  if (needs_end) {
    CertificateList without;
    std::vector<TlsError> ignored;
    without.add(text, "list", false, ignored);
    must(whole.size() <= without.size() || ignored.size() >= 20, "an end is one thing more to say");
  }
  return 0;
}
