#pragma once

#include <optional>
#include <set>
#include <string>

#include "sallyport/settings.h"
#include "sallyport/time.h"

#include "app/inputs.h"
#include "net/folder_watch.h"
#include "net/timers.h"

namespace sallyport::app {

/// Follows the files of the configuration: says when what is in force is not what lies on disk, and
/// asks for a reload then, if [reload] watch is on.
///
/// A change is noticed by net::FolderWatch, and by a look at all files every [reload] poll, which
/// finds what inotify cannot tell, and is all there is with watch off. Files count by their
/// contents: a touch is no change, and a change that is taken back was none, unless it was reported
/// as a failure: then a reload follows that succeeds. Contents that failed are not tried again.
///
/// Thread: the main loop's, which it holds up for as long as reading all files takes.
class FileWatch final : private net::FolderWatch::Handler, private net::Timer::Handler {
 public:
  class Handler {
   public:
    /// The files say something else than what is in force. True: now it is in force, and follow()
    /// has been called. False: it does not load; that is to be reported only if `report`, for else
    /// it may be half of a change, and is tried again.
    virtual bool on_files_changed(bool report) = 0;
    /// Whether the files say something else than what is in force. Again and again.
    virtual void on_stale(bool stale) = 0;
    /// Changes are noticed by [reload] poll alone, and why. Once for each reason.
    virtual void on_unwatched(const std::string& why) = 0;

   protected:
    ~Handler() = default;
  };

  /// `path` is the gateway file. All references outlive it.
  FileWatch(std::string path, net::Timers& timers, Handler& handler);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// Before the first follow().
  void open(net::Loop& loop);
  /// Nothing is noticed any more. The object stays until the loop has run again.
  void close();

  /// What is in force was read from `in_force`; at the start, and after each reload, whoever asked
  /// for it. `partly`: something of it waits for a restart, so that the files are ahead until then.
  void follow(const settings::Reload& settings, Inputs in_force, bool partly);
  /// A reload that somebody asked for has failed, and it was said why.
  void failed();

 private:
  void on_folder_change() override;
  void on_timer(Instant now) override;
  void look();
  void settle(Instant now);
  void settle_by(Instant at);
  [[nodiscard]] bool differs() const { return seen_.hash != in_force_.hash; }

  const std::string path_;
  Handler& handler_;
  net::FolderWatch folders_;
  net::Timer timer_;
  bool open_ = false;

  settings::Reload settings_;
  Inputs in_force_;
  bool partly_ = false;
  Inputs seen_;                      // at the last look
  std::string failed_;               // the hash of what does not load, once that was reported
  bool owes_success_ = false;        // a failure was reported, and no reload has succeeded since
  Instant settle_at_ = kNever;       // when changes are acted upon
  Instant poll_at_ = kNever;         // when it is looked for changes
  std::optional<Instant> changing_;  // since when, until they are acted upon
  std::optional<Instant> trying_;    // since when files do not load, unreported
  std::set<std::string> said_;       // why folders are not watched
};

}  // namespace sallyport::app
