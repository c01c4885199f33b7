#pragma once

#include <string>
#include <vector>

#include "config/options.h"

namespace sallyport::app {

/// The files that a gateway is configured by, as they lie on disk. Two are equal where nobody has
/// touched any of them in between.
struct Inputs {
  /// Each once: the gateway file and what it names (policies, certificates, keys, authorities,
  /// lists of what is revoked, tokens).
  std::vector<std::string> files;
  /// Of policies and lists: files that match may come.
  std::vector<std::string> patterns;
  /// SHA-256 over the contents of `files`, in lower-case hex: two gateways with the same one run
  /// with the same configuration, wherever it lies. Private keys are in it, too, and cannot be got
  /// out of it.
  std::string hash;
  /// What stat(2) says of each file, and which files match `patterns`.
  std::string state;
  /// Something was changed so shortly before that one more change might leave the same `state`.
  bool recent = false;

  [[nodiscard]] friend bool operator==(const Inputs& a, const Inputs& b) {
    return a.files == b.files && a.patterns == b.patterns && a.hash == b.hash && a.state == b.state;
  }
};

/// Reads what `gateway_file` says, whatever is wrong with it, and all files that it names. Never
/// blocks on what is no regular file.
[[nodiscard]] Inputs look_at(const std::string& gateway_file);

/// Inputs::state as it is now. Reads no file.
[[nodiscard]] std::string state_now(const Inputs& inputs);

}  // namespace sallyport::app
