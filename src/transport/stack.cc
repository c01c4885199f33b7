#include "transport/stack.h"

#include <algorithm>
#include <utility>

namespace sallyport::transport {

using State = Layer::State;

namespace {

bool was_opened(State state) { return state == State::open || state == State::peer_closed; }

}  // namespace

std::size_t Stack::count() const {
  std::size_t count = 0;
  while (count != kMost && layers_[count] != nullptr) ++count;
  return count;
}

bool Stack::is_open() const {
  return std::ranges::all_of(
      layers_, [](const auto& layer) { return layer == nullptr || was_opened(layer->state()); });
}

State Stack::push(std::unique_ptr<Layer> layer, Scratch& scratch, Buffer& out) {
  const std::size_t at = count();
  const bool now = is_open();
  layers_[at] = std::move(layer);
  return now ? start(at, scratch, out) : layers_[at]->state();
}

Bytes Stack::pop(Bytes rest, Scratch& scratch) {
  // The bytes lie in the first buffer, which feed() is about to use. A stack with one layer fewer
  // has no use for the last one; moving a Buffer does not move its bytes.
  scratch.inner.front().swap(scratch.inner.back());
  std::shift_left(layers_.begin(), layers_.end(), 1);
  return rest;
}

State Stack::start(std::size_t layer, Scratch& scratch, Buffer& out) {
  const State state = layers_[layer]->start(layer == 0 ? out : scratch.outer[0]);
  hand_out(layer, scratch, out);
  return state;
}

Stack::Fed Stack::feed(Bytes in, Scratch& scratch, Buffer& out) {
  if (layers_[1] == nullptr) return feed_only(in, scratch, out);
  Fed fed{.state = State::open, .inner = in};
  for (std::size_t i = 0; i != kMost && layers_[i] != nullptr; ++i) {
    Buffer& inner = scratch.inner[i];
    inner.clear();
    const bool more = i + 1 != kMost && layers_[i + 1] != nullptr;
    const bool opens = more && layers_[i]->state() == State::opening;
    const State after = layers_[i]->feed(fed.inner, inner, i == 0 ? out : scratch.outer[0]);
    hand_out(i, scratch, out);
    fed.inner = inner.bytes();
    if (after == State::failed) return {.state = after, .inner = {}};
    if (after == State::passed) {
      fed.state = after;
      return fed;
    }
    if (after == State::opening) {
      // Behind an outer layer that has ended this one will never open.
      if (fed.state == State::open) fed.state = after;
      return fed;
    }
    if (after == State::peer_closed) fed.state = after;
    if (opens && start(i + 1, scratch, out) == State::failed) {
      return {.state = State::failed, .inner = {}};
    }
  }
  return fed;
}

/// feed() of a single layer, which nearly all legs have.
Stack::Fed Stack::feed_only(Bytes in, Scratch& scratch, Buffer& out) {
  Buffer& inner = scratch.inner[0];
  inner.clear();
  const State state = layers_[0]->feed(in, inner, out);
  return {.state = state, .inner = state == State::failed ? Bytes() : inner.bytes()};
}

void Stack::send(std::span<const Bytes> inner, Scratch& scratch, Buffer& out) {
  if (layers_[1] == nullptr) {
    static_cast<void>(layers_[0]->send(inner, out));
  } else {
    send_from(count(), inner, scratch, out);
  }
}

/// Through the layers outside of `layer`, the innermost of them first.
void Stack::send_from(std::size_t layer, std::span<const Bytes> inner, Scratch& scratch,
                      Buffer& out) {
  Bytes bytes;
  std::size_t side = 1;  // outer[0] may be where `inner` lies
  while (layer-- != 0) {
    Buffer& to = layer == 0 ? out : scratch.outer[side];
    if (layer != 0) to.clear();
    static_cast<void>(layers_[layer]->send(inner, to));
    bytes = to.bytes();
    inner = {&bytes, 1};
    side = 1 - side;
  }
}

/// What `layer` has put into the first outer buffer goes through the layers around it.
void Stack::hand_out(std::size_t layer, Scratch& scratch, Buffer& out) {
  if (layer == 0 || scratch.outer[0].empty()) return;
  const Bytes bytes = scratch.outer[0].bytes();
  send_from(layer, {&bytes, 1}, scratch, out);
  scratch.outer[0].clear();
}

void Stack::close(Scratch& scratch, Buffer& out) {
  for (std::size_t i = count(); i-- != 0;) {
    layers_[i]->close(i == 0 ? out : scratch.outer[0]);
    hand_out(i, scratch, out);
  }
}

void Stack::tell(PeerFacts& facts) const {
  for (const auto& layer : layers_) {
    if (layer != nullptr) layer->tell(facts);
  }
}

Failure Stack::failure() const {
  for (const auto& layer : layers_) {
    if (layer != nullptr && layer->state() == State::failed) return layer->failure();
  }
  return {};
}

}  // namespace sallyport::transport
