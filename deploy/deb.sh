#!/bin/sh
# Makes a Debian package: deploy/deb.sh [--build FOLDER] [--version VERSION] [--out FOLDER] [OPTION...]
#
#   --build FOLDER     packs what has been built there already, configured with --prefix=/usr; without it a
#                      release build is made in build-deb
#   --version VERSION  of the package; default: that of the source, and "-1"
#   --out FOLDER       where the package goes; default: here
#   OPTION             of meson's for that build: -Dboringssl_prefix=/opt/boringssl
#
# What it needs beside the build's packages: deploy/packages.sh deb. The last line is the package's path.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd -P)

usage() {
  sed -n '2,10s/^# \{0,1\}//p' "$0"
  exit "$1"
}
fail() {
  echo "deb.sh: $*" >&2
  exit 1
}

build='' version='' out=.
while [ $# -gt 0 ]; do
  case $1 in
    --build | --version | --out)
      [ $# -gt 1 ] || usage 2 >&2
      case $1 in
        --build) build=$2 ;;
        --version) version=$2 ;;
        --out) out=$2 ;;
      esac
      shift 2
      ;;
    --help) usage 0 ;;
    -D*) break ;;
    *) usage 2 >&2 ;;
  esac
done
mkdir -p "$out"
out=$(cd "$out" && pwd -P)

if [ -z "$build" ]; then
  build=$source/build-deb
  [ -f "$build/build.ninja" ] || meson setup "$build" "$source" --buildtype=release --prefix=/usr "$@"
  ninja -C "$build"
elif [ $# -gt 0 ]; then
  fail "$1: what is built in $build already takes no options"
fi
build=$(cd "$build" && pwd -P) || exit
option() {
  meson introspect --buildoptions "$build" |
    python3 -c 'import json, sys; print({o["name"]: o["value"] for o in json.load(sys.stdin)}[sys.argv[1]])' "$1"
}
[ "$(option prefix)" = /usr ] || fail "$build is not configured with --prefix=/usr"
own_version=$(meson introspect --projectinfo "$build" |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["version"])')
version=${version:-$own_version-1}
# The same source makes the same package, byte for byte.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || stat -c %Y "$source/meson.build")}
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -a "$source/deploy/debian" "$work/debian"
tree=$work/debian/sallyport
cat >"$work/debian/changelog" <<EOF
sallyport ($version) unstable; urgency=medium

  * Version $own_version. What has changed stands in CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' "$work/debian/control")  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF

cd "$work"
DESTDIR=$tree meson install -C "$build" --no-rebuild >/dev/null
# Where this Debian looks for them.
mkdir -p "$tree/lib/systemd" "$tree/usr/share/zsh"
mv "$tree/usr/lib/systemd/system" "$tree/lib/systemd/system"
mv "$tree/usr/share/zsh/site-functions" "$tree/usr/share/zsh/vendor-completions"
rmdir "$tree/usr/lib/systemd"
rm "$tree/usr/share/doc/sallyport/LICENSE"  # common-licenses has it

dh_installdocs
dh_installchangelogs
dh_installsysusers
dh_installtmpfiles
# One that runs is started again by an upgrade; none is started that did not run.
dh_installsystemd --no-enable --no-start --restart-after-upgrade
dh_lintian
dh_strip --no-automatic-dbgsym
dh_compress -X/policies/ -X/deploy/
dh_fixperms
dh_shlibdeps
dh_installdeb
dh_gencontrol
dh_md5sums
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dh_builddeb --destdir="$out" >/dev/null
echo "$out/sallyport_${version}_$(dpkg --print-architecture).deb"
