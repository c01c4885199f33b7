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
summary=$(mktemp) later=$(mktemp -d)
later_pid=''
clean_up() {
  [ -z "$later_pid" ] || kill -- -"$later_pid" 2>/dev/null
  rm -rf "$summary" "$later"
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
# Runs "NAME: COMMAND" lines from standard input, one after the other, beside what follows.
begin_later() {
  # shellcheck disable=SC2016
  setsid nice -n 10 bash -c 'while IFS=: read -r name command; do
      bash -c "$command" >"$0/$name.log" 2>&1 </dev/null
      echo $? >"$0/$name.ended"
    done' "$later" <&0 &
  later_pid=$!
}
wait_for() { # NAME
  title "waiting for $1"
  until [ -f "$later/$1.ended" ]; do
    kill -0 "$later_pid" 2>/dev/null || [ -f "$later/$1.ended" ] || give_up "$1 was not built"
    sleep 2
  done
  [ "$(<"$later/$1.ended")" = 0 ] || {
    cat "$later/$1.log"
    give_up "$1 could not be built"
  }
  tail -n 1 "$later/$1.log"
}

title "packages"
deploy/packages.sh build run test deb boringssl </dev/null || give_up "packages are missing"
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

# Several sources as one: half of what a test costs to compile is what the standard library declares.
together=(-Dcpp_args=-g1 -Dunity=on -Dunity_size=8 --buildtype=debug)  # lines are enough

title "build with AddressSanitizer and UndefinedBehaviorSanitizer"
configure $sanitize "${together[@]}" -Db_sanitize=address,undefined
build $sanitize

# End-to-end tests mostly wait, so the other builds go on beside them.
if [ $quick = no ]; then
  configure $release --buildtype=release --prefix=/usr
  configure $thread "${together[@]}" -Db_sanitize=thread
  thread_programs=(unit_ledger unit_net unit_observe unit_proxy)
  thread_targets=()
  for name in "${thread_programs[@]}"; do thread_targets+=("tests/unit/${name#unit_}/$name"); done
  [ $keep = yes ] || rm -rf build-fuzz
  begin_later <<END
release: ninja -C $release
threads: ninja -C $thread ${thread_targets[*]}
bench: [ $ci = no ] || ninja -C $release bench
fuzzers: [ $ci = no ] || tests/fuzz.sh --build
END
fi

title "installation"
counted tests/install.py $sanitize
counted tests/commands.py $sanitize
counted tests/boringssl.py
title "unit tests, sanitized"
counted tests/units.py $sanitize
title "differential tests, sanitized"
counted tests/differential/run.js --probe $sanitize/tests/differential/probe
title "end-to-end tests, sanitized"
counted tests/e2e/run.py --binary $sanitize/src/cli/sallyport -j "$jobs"

if [ $quick = no ]; then
  wait_for release
  title "end-to-end tests, release build"
  counted tests/e2e/run.py --binary $release/src/cli/sallyport -j "$jobs"
  title "dashboards, alerts and the status page, release build"
  counted tests/monitoring/run.py --binary $release/src/cli/sallyport
  title "quick start, once and once more"
  quickstart() {
    SALLYPORT_BUILD=$release SALLYPORT_DEMO=$release/demo SALLYPORT_PORT=28883 \
      SALLYPORT_METRICS_PORT=29464 SALLYPORT_BROKER_PORT=28830 deploy/quickstart.sh --once
  }
  single "the quick start" quickstart
  single "the quick start, a second time" quickstart
  title "the Debian package, in a fresh Debian"
  packaged() {
    if [ "$(id -u)" = 0 ]; then
      tests/package/run.py $release
    else
      sudo -E tests/package/run.py $release
    fi
  }
  counted packaged
  title "the same source makes the same program"
  counted tests/reproducible.py
  title "Kubernetes"
  counted tests/deploy/kubernetes.py $release
  title "the image, and what it is made of"
  counted tests/deploy/image.py $release
  title "one dialect"
  counted tests/tidy.py $release
  wait_for threads
  title "unit tests of what threads share, with ThreadSanitizer"
  counted tests/units.py $thread "${thread_programs[@]}"
fi

if [ $ci = yes ] && [ $quick = no ]; then
  wait_for bench
  title "what packets may cost, in instructions"
  counted bench/guard.py $release
  wait_for fuzzers
  title "fuzzing, 20 s for each target"
  counted tests/fuzz.sh 20
fi

finish "done"
