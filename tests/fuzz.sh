#!/bin/bash
# Fuzzes the targets of tests/fuzz:
#
#   tests/fuzz.sh SECONDS [TARGET...]         each for so long, two at a time
#   tests/fuzz.sh --build                     no more than the programs
#   tests/fuzz.sh --coverage                  what of src/mqtt and src/session the corpora reach
#   tests/fuzz.sh --merge TARGET FOLDER...    makes the corpus of a target anew, as small as can be, out
#                                             of itself and of what was found in these folders
#
# Installs and builds what is needed: libFuzzer comes with clang 19. Inputs that broke something are
# kept in build-fuzz/found/TARGET, those that reached something new in build-fuzz/new/TARGET. The last
# line of a run says "N passed, N failed", one for each target; exit code 0: none failed.
set -euo pipefail

usage() {
  sed -n '2,12s/^# \{0,1\}//p' "$0"
  exit 2
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CC=clang-19 CXX=clang++-19
export NINJA_STATUS='[%f/%t %es] '
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
build='build-fuzz'
core=(framer decoder topic session)
all=("${core[@]}" policy_toml gateway_toml proxy_header certificate_list)

dictionary() {
  case $1 in
    *_toml) echo tests/fuzz/toml.dict ;;
    *) echo tests/fuzz/mqtt.dict ;;
  esac
}

# Builds the programs of these targets in a folder that OPTIONS are for.
build() { # FOLDER OPTIONS TARGET...
  local folder=$1 options=$2 programs=()
  shift 2
  deploy/packages.sh build fuzz </dev/null
  # shellcheck disable=SC2086
  [ -f "$folder/build.ninja" ] || meson setup "$folder" $options </dev/null >"$folder.log" 2>&1 || {
    cat "$folder.log"
    exit 1
  }
  rm -f "$folder.log"
  for target in "$@"; do programs+=("tests/fuzz/fuzz_$target"); done
  ninja -C "$folder" "${programs[@]}" </dev/null
}
build_fuzzers() {
  build $build "-Dfuzzers=true -Dunity=on -Dunity_size=8 --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false" "$@"
}

# One target; what it says goes to a file.
fuzz() { # TARGET SECONDS
  local target=$1 seconds=$2
  mkdir -p "$build/found/$target" "$build/new/$target"
  timeout $((seconds + 300)) "$build/tests/fuzz/fuzz_$target" \
    -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=120 -max_len=2048 -print_final_stats=1 \
    -dict="$(dictionary "$target")" -artifact_prefix="$build/found/$target/" \
    "$build/new/$target" "tests/fuzz/corpus/$target" </dev/null >"$build/$target.log" 2>&1
}

fuzz_all() { # SECONDS TARGET...
  local seconds=$1 passed=0 failed=0 running=0 target
  shift
  declare -A pids=()
  for target in "$@"; do
    fuzz "$target" "$seconds" &
    pids[$target]=$!
    running=$((running + 1))
    if [ $running -ge 2 ]; then
      wait -n || true  # whose end that was is asked below
      running=$((running - 1))
    fi
  done
  for target in "$@"; do
    if wait "${pids[$target]}"; then
      passed=$((passed + 1))
      echo "ok: $target, $(executions "$target") executions"
    else
      failed=$((failed + 1))
      echo "FAILED: $target, after $(executions "$target") executions:"
      grep -E "broken:|ERROR:|runtime error:|SUMMARY:" "$build/$target.log" || tail -n 20 "$build/$target.log"
      echo "Once more: $build/tests/fuzz/fuzz_$target $build/found/$target/..."
    fi
  done
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
executions() { # TARGET
  sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.log" | grep . || echo "an unknown number of"
}

coverage() {
  local folder=build-coverage target part program objects=()
  export CXXFLAGS='-fprofile-instr-generate -fcoverage-mapping' LDFLAGS='-fprofile-instr-generate'
  build $folder --buildtype=debug "${core[@]}"
  rm -f $folder/*.profraw
  for target in "${core[@]}"; do
    program=$folder/tests/fuzz/fuzz_$target
    LLVM_PROFILE_FILE=$folder/$target.profraw "$program" "tests/fuzz/corpus/$target" |
      tail -n 1 | sed "s/^/$target: /"
    objects+=(-object "$program")
  done
  llvm-profdata-19 merge -sparse $folder/*.profraw -o $folder/all.profdata
  for part in src/mqtt src/session; do
    echo "$part"
    # The first program has no -object before it.
    llvm-cov-19 report "${objects[@]:1}" -instr-profile=$folder/all.profdata \
      -show-region-summary=false -show-branch-summary=false $part
  done
}

merge() { # TARGET FOLDER...
  local target=$1 corpus=tests/fuzz/corpus/$1 fresh=$build/merged/$1 file
  shift
  rm -rf "$fresh"
  mkdir -p "$fresh"
  "$build/tests/fuzz/fuzz_$target" -set_cover_merge=1 -use_counters=0 -max_len=4095 \
    "$fresh" "$corpus" "$@" </dev/null >"$build/merge.log" 2>&1 || {
    tail -n 20 "$build/merge.log"
    exit 1
  }
  find "$corpus" -type f ! -name 'found-*' ! -name 'kept-*' -delete
  for file in "$fresh"/*; do cp "$file" "$corpus/$(sha1sum <"$file" | cut -c1-10)"; done
  echo "$target: $(find "$corpus" -type f | wc -l) files, $(cat "$corpus"/* | wc -c) bytes"
}

known() { # TARGET...
  local target
  for target in "$@"; do
    [ -d "tests/fuzz/corpus/$target" ] && continue
    echo "fuzz.sh: there is no target $target (${all[*]})" >&2
    exit 2
  done
}

case ${1:-} in
  --build)
    [ $# = 1 ] || usage
    build_fuzzers "${all[@]}"
    ;;
  --coverage)
    [ $# = 1 ] || usage
    coverage
    ;;
  --merge)
    [ $# -ge 3 ] || usage
    known "$2"
    build_fuzzers "$2"
    merge "${@:2}"
    ;;
  '' | *[!0-9]*) usage ;;
  *)
    seconds=$1
    shift
    [ $# -gt 0 ] || set -- "${all[@]}"
    known "$@"
    build_fuzzers "$@"
    fuzz_all "$seconds" "$@"
    ;;
esac
