#pragma once

#include <string>
#include <vector>

#include "net/folder_watch.h"

namespace sallyport::app {

/// Where something must happen before another file is found under one of these paths: each folder
/// on the way to a file, and on the way of each symbolic link in it, with the name that the way
/// takes from there. So `gateway.toml -> ..data/gateway.toml`, `..data -> ..2026_01`, as Kubernetes
/// mounts files, gives the folder with `gateway.toml` and `..data`, `..2026_01` with
/// `gateway.toml`, and the folders above. What does not exist ends the way. Folders in which a
/// pattern looks for files are there with all names.
[[nodiscard]] net::FolderWatch::Folders folders_of(const std::vector<std::string>& files,
                                                   const std::vector<std::string>& patterns);

}  // namespace sallyport::app
