// The framer: whatever the bytes, and wherever they are cut, the answer is the same; and it is the
// one that a plain reading of sections 2.1 and 3.3 gives.

#include "sallyport/framer.h"

#include "check.h"
#include "input.h"

using namespace sallyport;
using namespace sallyport::fuzz;
using mqtt::FrameResult;
using mqtt::FrameRules;
using mqtt::PacketType;
using Status = FrameResult::Status;

namespace {

constexpr std::uint32_t kSizes[] = {2, 5, 16, 60, 127, 130, 300, 20'000, 256 * 1024, 0xFFFF'FFFF};
constexpr mqtt::Version kVersions[] = {mqtt::Version::v5, mqtt::Version::v3_1_1,
                                       mqtt::Version::v3_1};

/// A packet as a plain reading finds it; nothing where a field runs past the bytes.
struct Plain {
  bool whole_header = false;
  std::size_t header = 0;
  std::uint64_t remaining = 0;
  bool whole_head = false;  // head is known
  std::uint64_t head = 0;
};

Plain read_plainly(Bytes in, mqtt::Version version) {
  Plain out;
  std::uint64_t factor = 1;
  for (std::size_t i = 1; i < 5 && i < in.size(); ++i, factor *= 128) {
    out.remaining += factor * (in[i] % 128U);
    if (in[i] < 128) {
      out.header = i + 1;
      out.whole_header = true;
      break;
    }
  }
  if (!out.whole_header) return out;
  out.head = out.header + out.remaining;
  out.whole_head = true;
  if (in[0] / 16 != 3) return out;
  out.whole_head = false;
  if (in.size() < out.header + 2) return out;
  out.head = out.header + 2 + in[out.header] * 256U + in[out.header + 1];
  if (((in[0] / 2) & 3) != 0) out.head += 2;
  if (version == mqtt::Version::v5) {
    std::uint64_t length = 0;
    bool ended = false;
    factor = 1;
    for (int i = 0; i < 4 && !ended; ++i, factor *= 128) {
      if (in.size() <= out.head) return out;
      length += factor * (in[out.head] % 128U);
      ended = in[out.head] < 128;
      ++out.head;
    }
    if (!ended) return out;
    out.head += length;
  }
  out.whole_head = true;
  return out;
}

bool may_send(PacketType type, const FrameRules& rules) {
  const bool client = rules.from == Side::client;
  switch (type) {
    case PacketType::reserved:
      return false;
    case PacketType::connect:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
    case PacketType::pingreq:
      return client;
    case PacketType::connack:
    case PacketType::suback:
    case PacketType::unsuback:
    case PacketType::pingresp:
      return !client;
    case PacketType::disconnect:
      return client || rules.version == mqtt::Version::v5;
    case PacketType::auth:
      return rules.version == mqtt::Version::v5;
    default:
      return true;
  }
}

void check_frame(Bytes in, const FrameRules& rules, const FrameResult& result) {
  const mqtt::Frame& frame = result.frame;
  const Plain plain = read_plainly(in, rules.version);
  must(plain.whole_header && plain.whole_head, "a frame has a whole head");
  must(frame.header.size == plain.header && frame.header.remaining_length == plain.remaining,
       "the fixed header says what it says");
  must(static_cast<unsigned>(frame.header.type) == in[0] / 16 && frame.header.flags == in[0] % 16,
       "the first byte says what it says");
  must(frame.head.data() == in.data() && frame.head.size() == plain.head,
       "the head is where it is");
  must(frame.header.total() == frame.head.size() + frame.payload_size,
       "head and payload are the packet");
  must(frame.payload_size == 0 || frame.header.type == PacketType::publish,
       "only a PUBLISH has a payload that streams");
  must(frame.header.total() <= rules.max_packet, "no frame is larger than allowed");
  must(frame.head.size() <= rules.max_head, "no head is larger than allowed");
  must(frame.header.type == PacketType::publish || frame.header.total() <= rules.max_other,
       "nor is what is no PUBLISH");
  must(may_send(frame.header.type, rules), "a side sends only what it may");
}

void check_too_large(Bytes in, const FrameRules& rules, const FrameResult& result) {
  const Plain plain = read_plainly(in, rules.version);
  must(plain.whole_header, "too large is said of a known size");
  must(result.frame.header.remaining_length == plain.remaining, "the size that was announced");
  const std::uint64_t total = plain.header + plain.remaining;
  must(total > rules.max_packet || total > rules.max_head ||
           (total > rules.max_other && in[0] / 16 != 3),
       "too large is larger than a limit");
}

bool same(const FrameResult& a, const FrameResult& b) {
  if (a.status != b.status) return false;
  if (a.has_frame() &&
      (a.frame.head.size() != b.frame.head.size() || a.frame.payload_size != b.frame.payload_size ||
       a.frame.header.remaining_length != b.frame.header.remaining_length)) {
    return false;
  }
  if (a.status == Status::frame) return true;
  return a.status == Status::need_more ||
         (a.error.check == b.error.check && a.error.reason == b.error.reason);
}

/// Fewer bytes give the same answer or need_more, in which case nothing is known before `needed`.
class Cuts {
 public:
  Cuts(Bytes in, const FrameRules& rules, const FrameResult& whole)
      : in_(in), rules_(rules), whole_(whole) {}

  /// Every cut near the beginning, and from there on those that need_more speaks of.
  void check() {
    constexpr std::size_t kEvery = 32;
    std::size_t n = 0;
    for (; n < std::min(in_.size(), kEvery); ++n) (void)ask(n);
    while (n <= in_.size()) {
      const std::size_t needed = ask(n);
      if (needed == 0) break;
      if (needed - 1 > n && needed - 1 <= in_.size()) (void)ask(needed - 1);
      n = needed;
    }
    (void)ask(in_.size());
  }

 private:
  /// What is needed then; 0: there is an answer.
  std::size_t ask(std::size_t n) {
    const Exact part(in_.first(n));
    const FrameResult result = mqtt::next_frame(part.bytes(), rules_);
    if (result.status == Status::need_more) {
      must(!settled_, "an answer stays as more bytes come");
      must(result.needed > n, "need_more asks for more");
      asked_ = std::max(asked_, result.needed);
      return result.needed;
    }
    if (!settled_) {
      settled_ = true;
      must(asked_ <= n, "need_more asks for no more than it takes to answer");
      if (result.status == Status::frame) {
        must(n == result.frame.head.size(), "a frame is there as soon as its head is");
      }
    }
    must(same(result, whole_), "the answer does not depend on the cut");
    return 0;
  }

  Bytes in_;
  const FrameRules& rules_;
  const FrameResult& whole_;
  std::size_t asked_ = 0;  // the most that was asked for so far
  bool settled_ = false;
};

/// What was refused is looked at again: whatever is answered does not depend on the cut, and a
/// frame spans what the fixed header says.
void look_again(Bytes in, const FrameRules& rules, const FrameResult& refused) {
  FrameRules second = rules;
  for (const bool tolerant : {false, true}) {
    second.tolerant = tolerant;
    const FrameResult whole = mqtt::look_again(in, second, refused.error);
    must(whole.status != Status::frame && (tolerant || whole.status != Status::odd),
         "a second look does not find it good");
    if (whole.has_frame()) {
      must(whole.frame.head.size() + whole.frame.payload_size == whole.frame.header.total(),
           "a frame spans what its fixed header says");
      must(whole.frame.head.size() <= in.size(), "and its head is there");
    }
    for (std::size_t n = 1; n < std::min<std::size_t>(in.size(), 40); ++n) {
      const Exact part(in.first(n));
      const FrameResult first = mqtt::next_frame(part.bytes(), rules);
      if (!first.is_refused()) continue;
      const FrameResult cut = mqtt::look_again(part.bytes(), second, first.error);
      if (cut.status == Status::need_more) {
        must(cut.needed > n, "need_more asks for more");
        must(!whole.has_frame() || cut.needed <= whole.frame.header.total(),
             "and never for what is behind the packet");
      } else {
        must(same(cut, whole), "the answer does not depend on the cut");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  FrameRules rules;
  rules.version = kVersions[input.below(std::size(kVersions))];
  rules.from = input.flag() ? Side::broker : Side::client;
  rules.max_packet = kSizes[input.below(std::size(kSizes))];
  rules.max_head = kSizes[input.below(std::size(kSizes))];

  Bytes in = input.rest();
  for (int frames = 0; frames < 64; ++frames) {
    const FrameResult result = mqtt::next_frame(in, rules);
    if (frames < 3) Cuts(in, rules, result).check();
    if (result.is_refused()) look_again(in, rules, result);
    switch (result.status) {
      case Status::odd:
      case Status::wrong:
        broken("next_frame() does not look twice", std::source_location::current());
      case Status::frame:
        check_frame(in, rules, result);
        break;
      case Status::need_more:
        must(result.needed > in.size(), "need_more asks for more");
        return 0;
      case Status::too_large:
        check_too_large(in, rules, result);
        return 0;
      case Status::malformed:
        must(!to_string(result.error.check).empty(), "a refusal has a name");
        return 0;
    }
    if (in.size() <= result.frame.header.total()) return 0;
    in = in.subspan(static_cast<std::size_t>(result.frame.header.total()));
  }
  return 0;
}
