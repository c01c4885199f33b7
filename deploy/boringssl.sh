#!/bin/sh
# Builds the TLS library for production: upstream BoringSSL, from a source that you have fetched yourself.
#
#   deploy/boringssl.sh --prefix FOLDER [--shared] [--sha256 HASH] ARCHIVE
#   deploy/boringssl.sh --prefix FOLDER [--shared] --commit HASH TREE
#
#   --prefix FOLDER  where include/ and lib/ go, for `meson setup -Dboringssl_prefix=FOLDER`
#   --shared         libssl.so and libcrypto.so; without it they are static, and part of the program
#   --sha256 HASH    of the archive, where it is another one than the release that is pinned below
#   --commit HASH    of the git tree, all 40 digits
#
# Nothing is built whose hash is not the one named here or by you: an archive's SHA-256, or a commit, of
# which nothing but what it holds is built. It needs cmake, ninja and a C++17 compiler (deploy/packages.sh
# boringssl), and no network.
set -eu

# The archive boringssl-<release>.tar.gz, as upstream publishes it with the release.
pinned_release=0.20260929.0
pinned_sha256=04da9ba0664e0a7f028e961c38d604f2cc6dac852a84ca0e51dc1fa051d4c8fe

fail() {
  echo "boringssl.sh: $*" >&2
  exit 1
}
usage() {
  sed -n '2,15s/^# \{0,1\}//p' "$0"
  exit "$1"
}

prefix='' shared=OFF sha256='' commit='' source=''
while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --sha256 | --commit)
      [ $# -gt 1 ] || usage 2 >&2
      case $1 in
        --prefix) prefix=$2 ;;
        --sha256) sha256=$2 ;;
        --commit) commit=$2 ;;
      esac
      shift 2
      ;;
    --shared)
      shared=ON
      shift
      ;;
    --help) usage 0 ;;
    -*) usage 2 >&2 ;;
    *)
      [ -z "$source" ] || usage 2 >&2
      source=$1
      shift
      ;;
  esac
done
[ -n "$prefix" ] && [ -n "$source" ] || usage 2 >&2
[ -e "$source" ] || fail "$source: there is no such file or folder"
[ ! -e "$prefix/include/openssl" ] || fail "$prefix has a library already: choose another folder, or remove it"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# --- is it what it should be? ------------------------------------------------------------------
if [ -d "$source" ]; then
  [ -z "$sha256" ] || fail "--sha256 is for archives; a tree has a --commit"
  [ -n "$commit" ] || fail "$source is a folder: say with --commit which commit it has to be"
  top=$(git -C "$source" rev-parse --show-toplevel 2>/dev/null) && [ "$top" = "$(cd "$source" && pwd -P)" ] ||
    fail "$source is not the top of a git tree, so its hash cannot be checked; take an archive"
  is=$(git -C "$source" rev-parse HEAD)
  [ "$is" = "$commit" ] || fail "$source is at commit $is, not $commit"
  # What is built comes out of the commit, not out of the folder: nothing that lies beside it counts.
  git -C "$source" archive --format=tar "$commit" >"$work/source.tar"
  revision=$(git -C "$source" describe --tags --exact-match "$commit" 2>/dev/null) || revision=$commit
else
  [ -z "$commit" ] || fail "--commit is for git trees; an archive has a --sha256"
  wanted=${sha256:-$pinned_sha256}
  # A copy, so that what is built is what has been looked at.
  cp "$source" "$work/source.tar"
  is=$(sha256sum "$work/source.tar" | cut -d ' ' -f 1)
  [ "$is" = "$wanted" ] || fail "$source has the SHA-256 $is, not $wanted"
  revision=sha256:$(printf %s "$is" | cut -c 1-16)
  [ "$is" != "$pinned_sha256" ] || revision=$pinned_release
fi
mkdir "$work/unpacked"
tar -C "$work/unpacked" -xf "$work/source.tar"
# An archive has all in one folder, a commit has not. It is always built in one of the same name.
set -- "$work/unpacked"
[ -f "$1/CMakeLists.txt" ] || set -- "$work/unpacked"/*
[ $# = 1 ] && [ -f "$1/CMakeLists.txt" ] && [ -f "$1/include/openssl/base.h" ] ||
  fail "$source is not the source of BoringSSL: it has no CMakeLists.txt and include/openssl/base.h"
mv "$1" "$work/source"

# --- build -------------------------------------------------------------------------------------
# The folder in which it is built does not become part of it.
map=-ffile-prefix-map=$work=.
cmake -G Ninja -S "$work/source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=$shared \
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_TESTING=OFF -DCMAKE_C_FLAGS="$map" -DCMAKE_CXX_FLAGS="$map" \
  -DCMAKE_ASM_FLAGS="$map" -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH='$ORIGIN' >"$work/log" 2>&1 &&
  ninja -C "$work/build" ssl crypto >>"$work/log" 2>&1 || {
  tail -n 40 "$work/log" >&2
  fail "it does not build (see above)"
}

# --- install -----------------------------------------------------------------------------------
ending=a
[ $shared = OFF ] || ending=so
mkdir -p "$prefix/lib" "$prefix/include" "$prefix/share/doc/boringssl"
for library in ssl crypto; do
  made=$(find "$work/build" -name "lib$library.$ending" -type f)
  [ -n "$made" ] || fail "the build has made no lib$library.$ending"
  install -m 644 "$made" "$prefix/lib/"
done
cp -R "$work/source/include/openssl" "$prefix/include/"
install -m 644 "$work/source/LICENSE" "$prefix/share/doc/boringssl/"
# Last: `sallyport --version` says it, so it stands only beside a library that is whole.
echo "$revision" >"$prefix/REVISION"
echo "BoringSSL $revision is in $prefix; build with: meson setup build --buildtype=release -Dboringssl_prefix=$prefix"
