#include "app/inputs.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <sys/stat.h>

#include "sallyport/bytes.h"

#include "app/read_file.h"
#include "config/gateway_file.h"
#include "config/load.h"
#include "tls/fingerprint.h"

namespace sallyport::app {

namespace {

/// More of a file is not read: whoever loads it refuses less.
constexpr std::size_t kMostBytes = std::size_t{64} * 1024 * 1024;
/// Coarser than the clocks by which file systems note changes.
constexpr std::time_t kRecent = 2;  // seconds

/// All that the options name, each once.
void list_files(const config::GatewayOptions& options, Inputs& into) {
  into.files = {options.file};
  for (const config::KeyInfo& key : config::list_gateway_keys(options)) {
    if (!key.file.empty()) into.files.push_back(key.file);
    for (const std::string& pattern : key.patterns) {
      into.patterns.push_back(pattern);
      for (std::string& file : config::expand_glob(pattern)) into.files.push_back(std::move(file));
    }
  }
  std::set<std::string> seen;
  std::erase_if(into.files, [&seen](const std::string& file) { return !seen.insert(file).second; });
}

std::string hash_of(const std::vector<std::string>& files) {
  static constexpr std::uint8_t kThere = 1;
  static constexpr std::uint8_t kMissing = 0;
  tls::Sha256 hash;
  for (const std::string& file : files) {
    Buffer bytes;
    const bool there = read_file(file, kMostBytes, bytes) == 0;
    hash.add({there ? &kThere : &kMissing, 1});
    hash.add(bytes.bytes());
    bytes.wipe();  // it may be a private key
  }
  return tls::to_hex(hash.finish());
}

std::string number(auto value) { return std::to_string(value) + " "; }

/// What stat(2) says of all files; `newest` is when the newest of them was changed.
std::string state_of(const Inputs& inputs, std::time_t& newest) {
  std::string state;
  for (const std::string& file : inputs.files) {
    struct stat now {};
    if (::stat(file.c_str(), &now) != 0) now = {};
    newest = std::max(newest, now.st_ctim.tv_sec);
    state += number(now.st_dev) + number(now.st_ino) + number(now.st_mode) + number(now.st_uid) +
             number(now.st_gid) + number(now.st_size) + number(now.st_mtim.tv_sec) +
             number(now.st_mtim.tv_nsec) + number(now.st_ctim.tv_sec) +
             number(now.st_ctim.tv_nsec) + "\n";
  }
  for (const std::string& pattern : inputs.patterns) {
    for (const std::string& file : config::expand_glob(pattern)) state += file + "\n";
  }
  return state;
}

}  // namespace

Inputs look_at(const std::string& gateway_file) {
  config::Diagnostics ignored;
  config::GatewayOptions options = config::load_gateway(gateway_file, ignored);
  options.file = gateway_file;  // also where it could not be read
  Inputs inputs;
  list_files(options, inputs);
  std::time_t newest = 0;
  // Before the contents are read: a change behind that leaves another state.
  inputs.state = state_of(inputs, newest);
  inputs.recent =
      newest + kRecent >= std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  inputs.hash = hash_of(inputs.files);
  return inputs;
}

std::string state_now(const Inputs& inputs) {
  std::time_t newest = 0;
  return state_of(inputs, newest);
}

}  // namespace sallyport::app
