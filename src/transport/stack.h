#pragma once

#include <array>
#include <memory>
#include <span>

#include "transport/layer.h"

namespace sallyport::transport {

/// The layers of one leg, the outermost first: what one makes of the bytes is what the next one
/// takes. A leg of plain TCP has none.
///
/// Thread: one.
class Stack final {
 public:
  static constexpr std::size_t kMost = 3;

  /// Where layers put their bytes during a call. One for all legs of a worker.
  struct Scratch {
    std::array<Buffer, kMost> inner;  // by layer
    std::array<Buffer, 2> outer;      // what an inner layer hands to the one around it
  };

  struct Fed {
    Layer::State state = Layer::State::opening;
    Bytes inner;  // in the scratch buffers, until the next call that uses them
  };

  [[nodiscard]] bool empty() const { return layers_[0] == nullptr; }
  /// All layers are open, or were.
  [[nodiscard]] bool is_open() const;

  /// Adds an innermost layer (fewer than kMost are there), and starts it where all around it are
  /// open; else that is done when they are.
  Layer::State push(std::unique_ptr<Layer> layer, Scratch& scratch, Buffer& out);
  /// Takes the outermost layer away, which has passed. `rest`: what feed() gave beside it; returns
  /// the same bytes, which now are safe from the next feed().
  [[nodiscard]] Bytes pop(Bytes rest, Scratch& scratch);

  /// As Layer::feed(), through all layers. State: failed where one has failed; passed where the
  /// outermost has, and then the bytes behind it have gone no further; opening where one is; else
  /// peer_closed where one is, else open.
  Fed feed(Bytes in, Scratch& scratch, Buffer& out);
  /// As Layer::send(), through all layers.
  void send(std::span<const Bytes> inner, Scratch& scratch, Buffer& out);
  /// As Layer::close(), from the innermost outwards.
  void close(Scratch& scratch, Buffer& out);

  void tell(PeerFacts& facts) const;
  /// Of the layer that failed.
  [[nodiscard]] Failure failure() const;

 private:
  [[nodiscard]] std::size_t count() const;
  Fed feed_only(Bytes in, Scratch& scratch, Buffer& out);
  void send_from(std::size_t layer, std::span<const Bytes> inner, Scratch& scratch, Buffer& out);
  void hand_out(std::size_t layer, Scratch& scratch, Buffer& out);
  Layer::State start(std::size_t layer, Scratch& scratch, Buffer& out);

  std::array<std::unique_ptr<Layer>, kMost> layers_;  // no gaps
};

}  // namespace sallyport::transport
