#!/bin/sh
# Prints the revision of the source in a folder: revision.sh SOURCE
#
# In a git tree it is what git says, with "-dirty" where files have been changed; in an archive that
# git has made it is what git wrote into the file REVISION. Otherwise: "unknown".
set -eu
source=$(cd "$1" && pwd -P)
# A copy of the source that lies in somebody else's git tree has not that tree's revision.
if top=$(git -C "$source" rev-parse --show-toplevel 2>/dev/null) && [ "$top" = "$source" ]; then
  exec git -C "$source" describe --always --dirty --tags --abbrev=12
fi
# Its first line is empty where there was no tag; the second one is the commit.
revision=$(sed '/^$/d; /[$]/d; s/^\([0-9a-f]\{12\}\)[0-9a-f]\{28\}$/\1/; q' "$source/REVISION" 2>/dev/null) || revision=
printf '%s\n' "${revision:-unknown}"
