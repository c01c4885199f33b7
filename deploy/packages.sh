#!/bin/sh
# Installs what Sallyport needs from Debian 12, and only what is missing: on a machine that has
# everything it asks for neither root nor a network. This is the one place that names packages.
#
#   deploy/packages.sh build            compiler and libraries
#   deploy/packages.sh run              broker and clients of the quick start
#   deploy/packages.sh test             what tests/run.sh needs beyond those
#   deploy/packages.sh bench            what bench/compare measures beside the gateway, and with what
#   deploy/packages.sh fuzz             what tests/fuzz.sh needs beside the build's
#   deploy/packages.sh deb              what deploy/deb.sh needs beside the build's
#   deploy/packages.sh boringssl        what deploy/boringssl.sh needs
#   deploy/packages.sh image            what deploy/image/Containerfile puts the image together from
#   deploy/packages.sh --list GROUP...  only prints the names
set -eu

build_packages="g++ meson ninja-build pkg-config libuv1-dev android-libboringssl-dev
  prometheus-cpp-dev libtoml11-dev libcli11-dev
  nlohmann-json3-dev doctest-dev"
run_packages="mosquitto mosquitto-clients openssl curl"
test_packages="python3 python3-jsonschema python3-yaml python3-paho-mqtt haproxy prometheus clang-format-14
  clang-tidy-19 valgrind chromium man-db mandoc zsh systemd systemd-container debootstrap buildah lintian procps
  util-linux git"
bench_packages="python3 haproxy nginx libnginx-mod-stream stunnel4 mosquitto openssl valgrind strace
  gnuplot-nox"
deb_packages="debhelper dpkg-dev"
boringssl_packages="cmake ninja-build g++"
image_packages="ca-certificates python3 android-libboringssl libprometheus-cpp-core1.0 libuv1 libstdc++6"
fuzz_packages="clang-19 libclang-rt-19-dev llvm-19"

usage() {
  echo "usage: ${0##*/} [--list] build|run|test|bench|fuzz|deb|boringssl|image ..." >&2
  exit 2
}

list_only=no
if [ "${1:-}" = --list ]; then
  list_only=yes
  shift
fi
[ $# -gt 0 ] || usage

wanted=
for group in "$@"; do
  case $group in
    build) wanted="$wanted $build_packages" ;;
    run) wanted="$wanted $run_packages" ;;
    test)
      wanted="$wanted $test_packages"
      # A Node.js that is already here may come from elsewhere; Debian's would collide with it.
      command -v node >/dev/null 2>&1 || wanted="$wanted nodejs"
      command -v npm >/dev/null 2>&1 || wanted="$wanted npm"
      # So may be kubectl.
      command -v kubectl >/dev/null 2>&1 || wanted="$wanted kubernetes-client"
      ;;
    bench) wanted="$wanted $bench_packages" ;;
    fuzz) wanted="$wanted $fuzz_packages" ;;
    deb) wanted="$wanted $deb_packages" ;;
    boringssl) wanted="$wanted $boringssl_packages" ;;
    image) wanted="$wanted $image_packages" ;;
    *) usage ;;
  esac
done

if [ $list_only = yes ]; then
  # shellcheck disable=SC2086
  printf '%s\n' $wanted
  exit 0
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "packages.sh: this is not a Debian system. Install what these names stand for yourself:" $wanted >&2
  exit 1
fi

missing=
for package in $wanted; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing:$missing"
if [ "$(id -u)" = 0 ]; then
  as_root="env"
elif command -v sudo >/dev/null 2>&1; then
  as_root="sudo env"
else
  {
    echo "packages.sh: these packages are missing, and there is neither root nor sudo to install them:"
    echo "  $missing"
    echo "Let an administrator run:  apt-get update && apt-get install --no-install-recommends$missing"
  } >&2
  exit 1
fi

# What bench/compare and the tests use they start themselves, on ports of their own. Debian would start and enable
# some of them as services: not where they come from here.
services=
case " $* " in
  *' bench '* | *' test '*)
    for package in $missing; do
      case $package in
        haproxy | nginx | stunnel4 | mosquitto) services="$services $package" ;;
      esac
    done
    ;;
esac
policy=/usr/sbin/policy-rc.d
if [ -n "$services" ] && [ ! -e $policy ]; then
  trap '$as_root rm -f $policy' EXIT
  trap 'exit 130' INT TERM
  # Debian's maintainer scripts ask it whether they may start a service; 101: no.
  printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
  $as_root chmod 755 $policy
fi

apt="$as_root DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120"
# shellcheck disable=SC2086
if ! { $apt update && $apt install -y --no-install-recommends $missing; } </dev/null; then
  echo "packages.sh: apt-get could not install:$missing (its reason is above)" >&2
  exit 1
fi
if command -v systemctl >/dev/null 2>&1; then
  for service in $services; do
    $as_root systemctl --quiet disable "$service" || true
  done
fi
