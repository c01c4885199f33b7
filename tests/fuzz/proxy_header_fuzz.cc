// The PROXY header, whole and cut: it never asks for more than its bound, any cut gives the same
// facts, what is behind it comes out as it went in, and facts written down again read the same.

#include <algorithm>
#include <string>

#include "check.h"
#include "input.h"
#include "proxy_wire.h"
#include "transport/proxy_header.h"

using namespace sallyport;
using namespace sallyport::fuzz;
using namespace sallyport::transport;
using State = Layer::State;

namespace {

struct Outcome {
  State state = State::opening;
  std::optional<IpAddress> address;
  std::string rest;
  Check check = Check::tls_internal;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(Bytes bytes, std::size_t most, std::size_t first) {
  ProxyHeader header(most);
  Buffer inner;
  Buffer out;
  first = std::min(first, bytes.size());
  const Exact begin(bytes.first(first));
  const Exact end(bytes.subspan(first));
  header.feed(begin.bytes(), inner, out);
  Outcome outcome;
  outcome.state = header.feed(end.bytes(), inner, out);
  PeerFacts facts;
  header.tell(facts);
  outcome.address = facts.address;
  outcome.rest = as_text(inner.bytes());
  if (outcome.state == State::failed) outcome.check = header.failure().check;
  must(out.empty(), "a header answers nothing");
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  const std::size_t most = 16 + std::size_t{input.u8()} * 8;
  const std::size_t cut = input.u8();
  const Bytes bytes = input.rest();
  const Outcome whole = read(bytes, most, 0);
  must(read(bytes, most, cut) == whole, "any cut gives the same");
  switch (whole.state) {
    case State::opening:
      must(bytes.size() < most, "more is never waited for than the bound");
      must(!whole.address && whole.rest.empty(), "nothing comes out before it has passed");
      break;
    case State::failed:
      must(whole.check == Check::proxy_header, "a failure is named");
      must(!whole.address && whole.rest.empty(), "nothing comes out before it has passed");
      break;
    case State::passed:
      must(bytes.size() - whole.rest.size() <= most, "no header is longer than the bound");
      must(as_text(bytes).ends_with(whole.rest), "what is behind the header is untouched");
      break;
    default:
      must(false, "a header is opening, passed or failed");
  }
  if (whole.address) {
    for (const std::string& again :
         {wire::proxy_v1(*whole.address), wire::proxy_v2(*whole.address)}) {
      const Outcome second = read(as_bytes(again), 4096, cut);
      must(second.state == State::passed, "facts can be written down again");
      must(second.address == whole.address, "and read the same");
    }
  }
  return 0;
}
