#!/bin/bash
# Runs all tests: tests/run.sh [--keep] [--quick] [--ci]
#
#   --keep   builds into the folders of the last run instead of afresh
#   --quick  only the sanitizer build: unit and end-to-end tests
#   --ci     also counts instructions (bench/guard.py), and fuzzes every target for 20 s
#
# Installs what is missing, builds, tests. The last line says "N passed, N failed"; exit code 0: none
# failed. SALLYPORT_TEST_JOBS: how many end-to-end tests run at a time (6).
# Functions are called by name, too:
# shellcheck disable=SC2317
set -uo pipefail

keep=no quick=no ci=no
for argument in "$@"; do
  case $argument in
    --keep) keep=yes ;;
    --quick) quick=yes ;;
    --ci) ci=yes ;;
    *)
      sed -n '2,9s/^# \{0,1\}//p' "$0"
      [ "$argument" = --help ] && exit 0
      exit 2
      ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
jobs=${SALLYPORT_TEST_JOBS:-6}
sanitize=build-test-sanitize release=build-test-release thread=build-test-thread
export PATH=$PATH:/usr/sbin PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
export NINJA_STATUS='[%f/%t %es] '

passed=0 failed=0
summary=$(mktemp) later=$(mktemp)
later_pid=''
clean_up() {
  [ -z "$later_pid" ] || kill -- -"$later_pid" 2>/dev/null
  rm -f "$summary" "$later"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

title() { printf '\n=== %s (%d min %02d s)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }
finish() {
  printf '\n%s in %d min %02d s\n' "$1" $((SECONDS / 60)) $((SECONDS % 60))
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}
# Without this nothing that follows can be tested.
give_up() {
  failed=$((failed + 1))
  finish "$1"
}
# Runs a program that ends with a line "N passed, N failed", and adds it up.
counted() {
  "$@" </dev/null | tee "$summary" | sed -u '$d'  # there is one such line at the end of all
  local code=${PIPESTATUS[0]} line
  line=$(tail -n 1 "$summary")
  echo "  ${line/,/ and}"
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    if [ "$code" != 0 ] && [ "${BASH_REMATCH[2]}" = 0 ]; then failed=$((failed + 1)); fi
  else
    echo "FAILED: $* ended with $code and without a result"
    failed=$((failed + 1))
  fi
}
# Runs a program that either works or not: one test.
single() { # NAME COMMAND...
  local name=$1
  shift
  if "$@" </dev/null; then
    echo "ok: $name"
    passed=$((passed + 1))
  else
    echo "FAILED: $name"
    failed=$((failed + 1))
  fi
}
configure() { # FOLDER OPTION...
  local folder=$1
  shift
  [ $keep = yes ] || rm -rf "$folder"
  [ -f "$folder/build.ninja" ] && return
  meson setup "$folder" -Dwerror=true "$@" </dev/null >"$summary" 2>&1 || {
    cat "$summary"
    give_up "meson could not configure $folder"
  }
}
build() { # FOLDER TARGET...
  ninja -C "$@" </dev/null || give_up "the build failed"
}

title "packages"
deploy/packages.sh build run test </dev/null || give_up "packages are missing"
echo "all are installed"

title "layering, conformance and format"
counted tests/layering.py
counted tests/conformance/check.py
counted tests/conformance/named.py
check_format() {
  find src include tests bench -path '*/node_modules' -prune -o \( -name '*.cc' -o -name '*.h' \) -print0 |
    xargs -0 clang-format-14 --dry-run -Werror
}
single "clang-format-14 has nothing to change" check_format

title "build with AddressSanitizer and UndefinedBehaviorSanitizer"
configure $sanitize --buildtype=debug -Dcpp_args=-g1 -Db_sanitize=address,undefined  # lines are enough
build $sanitize

title "installation"
counted tests/install.py $sanitize

# End-to-end tests mostly wait, so the other builds go on beside them.
if [ $quick = no ]; then
  title "release build and ThreadSanitizer's begin in the background"
  configure $release --buildtype=release
  configure $thread --buildtype=debug -Dcpp_args=-g1 -Db_sanitize=thread
  thread_programs=(unit_ledger unit_net unit_observe unit_proxy)
  thread_targets=()
  for name in "${thread_programs[@]}"; do thread_targets+=("tests/unit/${name#unit_}/$name"); done
  # shellcheck disable=SC2016
  setsid nice -n 10 bash -c 'release=$1 thread=$2; shift 2
    ninja -C "$release" && ninja -C "$release" bench && ninja -C "$thread" "$@"' \
    later $release $thread "${thread_targets[@]}" </dev/null >"$later" 2>&1 &
  later_pid=$!
fi

title "unit tests, sanitized"
counted tests/units.py $sanitize
title "differential tests, sanitized"
counted tests/differential/run.js --probe $sanitize/tests/differential/probe
title "end-to-end tests, sanitized"
counted tests/e2e/run.py --binary $sanitize/src/cli/sallyport -j "$jobs"

if [ $quick = no ]; then
  title "waiting for the release build"
  while kill -0 "$later_pid" 2>/dev/null; do
    tail -n 1 "$later"
    sleep 5
  done
  if ! wait "$later_pid"; then
    cat "$later"
    later_pid=''
    give_up "the release build or ThreadSanitizer's failed"
  fi
  later_pid=''
  tail -n 1 "$later"

  title "unit tests, release build"
  counted tests/units.py $release
  title "end-to-end tests, release build"
  counted tests/e2e/run.py --binary $release/src/cli/sallyport -j "$jobs"
  title "quick start, once and once more"
  quickstart() {
    SALLYPORT_BUILD=$release SALLYPORT_DEMO=$release/demo SALLYPORT_PORT=28883 \
      SALLYPORT_METRICS_PORT=29464 SALLYPORT_BROKER_PORT=28830 deploy/quickstart.sh --once
  }
  single "the quick start" quickstart
  single "the quick start, a second time" quickstart
  title "Kubernetes"
  counted tests/deploy/kubernetes.py $release
  title "the image, and what it is made of"
  counted tests/deploy/image.py $release
  title "one dialect"
  counted tests/tidy.py $release
  title "unit tests of what threads share, with ThreadSanitizer"
  counted tests/units.py $thread "${thread_programs[@]}"
fi

if [ $ci = yes ] && [ $quick = no ]; then
  title "what packets may cost, in instructions"
  counted bench/guard.py $release
fi
if [ $ci = yes ]; then
  title "fuzzing, 20 s for each target"
  [ $keep = yes ] || rm -rf build-fuzz
  counted tests/fuzz.sh 20
fi

finish "done"
