#include "app/file_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "app/folders.h"

namespace sallyport::app {

namespace {

/// Files that change without end are read after so many times the debounce.
constexpr int kMostDebounces = 5;
/// Reasons that are remembered as said; beyond those none is said any more.
constexpr std::size_t kMostReasons = 100;

}  // namespace

FileWatch::FileWatch(std::string path, net::Timers& timers, Handler& handler)
    : path_(std::move(path)), handler_(handler), folders_(*this), timer_(timers, *this) {}

void FileWatch::open(net::Loop& loop) {
  open_ = true;
  if (const int error = folders_.open(loop); error != 0) {
    handler_.on_unwatched(std::string(net::describe(error)));
  }
}

void FileWatch::close() {
  open_ = false;
  timer_.set(kNever);
  folders_.close();
}

void FileWatch::follow(const settings::Reload& settings, Inputs in_force, bool partly) {
  settings_ = settings;
  in_force_ = std::move(in_force);
  partly_ = partly;
  failed_.clear();
  owes_success_ = false;
  trying_.reset();
  poll_at_ = net::Loop::now() + settings_.poll;
  look();
  if (differs()) on_folder_change();
}

void FileWatch::failed() {
  look();
  failed_ = seen_.hash;
  owes_success_ = true;
  trying_.reset();
}

void FileWatch::look() {
  seen_ = look_at(path_);
  net::FolderWatch::Folders folders;
  if (settings_.watch) {
    // Those in force, too: a file that is named no more may be named again.
    std::vector<std::string> files = seen_.files;
    files.insert(files.end(), in_force_.files.begin(), in_force_.files.end());
    std::vector<std::string> patterns = seen_.patterns;
    patterns.insert(patterns.end(), in_force_.patterns.begin(), in_force_.patterns.end());
    folders = folders_of(files, patterns);
  }
  if (const auto failure = folders_.watch(folders)) {
    std::string why = failure->folder + ": " + std::string(net::describe(failure->error));
    if (said_.size() < kMostReasons && said_.insert(why).second) handler_.on_unwatched(why);
  }
  // What changed before it was watched.
  if (settings_.watch && state_now(seen_) != seen_.state) on_folder_change();
  handler_.on_stale(differs() || partly_);
  settle_by(settle_at_);
}

void FileWatch::settle_by(Instant at) {
  settle_at_ = at;
  if (open_) timer_.set(std::min(settle_at_, poll_at_));
}

void FileWatch::on_folder_change() {
  const Instant now = net::Loop::now();
  if (!changing_) changing_ = now;
  settle_by(std::min(now + settings_.debounce, *changing_ + settings_.debounce * kMostDebounces));
}

void FileWatch::settle(Instant now) {
  settle_at_ = kNever;
  changing_.reset();
  look();
  if (!differs()) trying_.reset();
  // Where a reload has failed, what was taken back is read, too: the newest one is to have
  // succeeded.
  const bool wanted = seen_.hash != failed_ && (differs() || owes_success_);
  if (!settings_.watch || !wanted) return;
  const bool report = trying_ && now - *trying_ >= settings_.patience;
  if (handler_.on_files_changed(report)) return;
  if (!trying_) trying_ = now;
  if (!report) return settle_by(std::min(settle_at_, *trying_ + settings_.patience));
  trying_.reset();
  owes_success_ = true;
  // Only what has failed as it lay there, and not what changed meanwhile.
  if (look_at(path_) == seen_) {
    failed_ = seen_.hash;
  } else {
    on_folder_change();
  }
}

void FileWatch::on_timer(Instant now) {
  if (now >= poll_at_) {
    poll_at_ = now + settings_.poll;
    // Where a reload is on its way anyhow, that will look.
    const bool changed = settle_at_ == kNever && (seen_.recent || state_now(seen_) != seen_.state);
    if (changed) settle_at_ = now;
  }
  if (now >= settle_at_) settle(now);
  settle_by(settle_at_);
}

}  // namespace sallyport::app
