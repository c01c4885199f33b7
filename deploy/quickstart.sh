#!/bin/bash
# Builds Sallyport and shows it at work before a real broker, on loopback only.
#
#   deploy/quickstart.sh          installs what is missing, builds, demonstrates, stays up until Ctrl-C
#   deploy/quickstart.sh --once   ends after the demonstration; exit code 0: every step held
#
# Everything it makes lies in demo/ and build-release/. Ports can be chosen:
#   SALLYPORT_PORT (18883, devices by TLS)   SALLYPORT_METRICS_PORT (19464)   SALLYPORT_BROKER_PORT (18830)
# SALLYPORT_BUILD and SALLYPORT_DEMO name other folders than build-release and demo.
# Functions are called through wait_until and trap, too:
# shellcheck disable=SC2317
set -euo pipefail

once=no
case ${1:-} in
  '') ;;
  --once) once=yes ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    [ "$1" = --help ] && exit 0
    exit 2
    ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
build=${SALLYPORT_BUILD:-build-release}
demo=${SALLYPORT_DEMO:-demo}
port=${SALLYPORT_PORT:-18883}
metrics_port=${SALLYPORT_METRICS_PORT:-19464}
broker_port=${SALLYPORT_BROKER_PORT:-18830}
metrics_url=http://127.0.0.1:$metrics_port/metrics
gateway=$build/src/cli/sallyport
PATH=$PATH:/usr/sbin

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' red='' green='' plain=''; fi
title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
held() { printf '   %sholds:%s %s\n' "$green" "$plain" "$*"; }
indent() { sed 's/^/     /'; }
# How a command is shown, and how it can be typed again.
shown() { printf '   $ %s\n' "$*"; }
die() {
  printf '\n%squickstart: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

check_port() { # NAME PORT
  if ! [[ $2 =~ ^[0-9]{1,5}$ ]] || [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
    die "$1=$2 is not a port number (1 to 65535)."
  fi
  if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
    die "port $2 is in use on 127.0.0.1 by another program. Choose another one: $1=$(($2 + 1000 < 65536 ? $2 + 1000 : $2 - 1000)) $0"
  fi
}
# Prints until a command succeeds or the time (seconds) is over.
wait_until() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

# --- processes: only those started here are ended, each by its own id -------------------------
gateway_pid='' broker_pid='' subscriber_pid=''
end_process() { # PID
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
clean_up() {
  trap '' INT TERM HUP
  end_process "$subscriber_pid"
  end_process "$gateway_pid"
  end_process "$broker_pid"
}
trap clean_up EXIT
interrupted=130  # 0 once the demonstration is over and Ctrl-C is the way to end
trap 'echo; echo "   ending the gateway and the broker"; exit $interrupted' INT TERM HUP

# --- install and build ------------------------------------------------------------------------
title "1. What is needed"
check_port SALLYPORT_PORT "$port"
check_port SALLYPORT_METRICS_PORT "$metrics_port"
check_port SALLYPORT_BROKER_PORT "$broker_port"
say "ports $port, $metrics_port and $broker_port are free"
deploy/packages.sh build run || exit 1
say "all packages are installed"

title "2. A release build in $build"
if [ ! -f "$build/build.ninja" ]; then
  meson setup "$build" --buildtype=release >"/tmp/sallyport-meson.$$" 2>&1 || {
    cat "/tmp/sallyport-meson.$$"
    rm -f "/tmp/sallyport-meson.$$"
    die "meson could not configure the build (its reason is above)."
  }
  rm -f "/tmp/sallyport-meson.$$"
fi
NINJA_STATUS='   [%f of %t, %es] ' ninja -C "$build" src/cli/sallyport || die "the build failed (the compiler's reason is above)."
say "$("$gateway" --version | head -n 1)"

# --- PKI and files ----------------------------------------------------------------------------
title "3. A throw-away PKI and three small files in $demo"
mkdir -p "$demo"
deploy/dev-pki.sh "$demo/pki" sensor-001 sensor-002 operator
for file in gateway.toml policy.toml mosquitto.conf; do
  sed "s/@PORT@/$port/; s/@METRICS_PORT@/$metrics_port/; s/@BROKER_PORT@/$broker_port/" "deploy/quickstart/$file" >"$demo/$file"
done
rm -f "$demo/audit.jsonl" "$demo/subscriber.out"
say "$demo/pki           a CA, the gateway's certificate, one for each of sensor-001, sensor-002, operator"
say "$demo/gateway.toml  where the gateway listens, and the broker behind it"
say "$demo/policy.toml   who may do what"
shown "$gateway check -c $demo/gateway.toml"
"$gateway" check -c "$demo/gateway.toml" | indent

# --- broker and gateway -----------------------------------------------------------------------
title "4. The broker (mosquitto, as Debian ships it) and the gateway before it"
setsid mosquitto -c "$demo/mosquitto.conf" </dev/null >"$demo/mosquitto.log" 2>&1 &
broker_pid=$!
wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$broker_port" || {
  indent <"$demo/mosquitto.log"
  die "mosquitto did not start on port $broker_port."
}
say "mosquitto, process $broker_pid, on 127.0.0.1:$broker_port: it knows no TLS and no rules"
setsid "$gateway" run -c "$demo/gateway.toml" </dev/null >"$demo/gateway.log" 2>&1 &
gateway_pid=$!
gateway_ready() { curl -fsS "http://127.0.0.1:$metrics_port/readyz" || ! kill -0 "$gateway_pid"; }
if ! wait_until 10 gateway_ready || ! kill -0 "$gateway_pid" 2>/dev/null; then
  indent <"$demo/gateway.log"
  die "the gateway did not start."
fi
say "sallyport, process $gateway_pid, on 127.0.0.1:$port: TLS with client certificates"
say "metrics on $metrics_url, audit log in $demo/audit.jsonl"

# --- demonstration ----------------------------------------------------------------------------
as() { # NAME: the options that make a client of mosquitto's that identity
  echo "-V 5 -h 127.0.0.1 -p $port --cafile $demo/pki/ca.crt --cert $demo/pki/$1.crt --key $demo/pki/$1.key -i $1"
}
audit_count() { grep -c "$1" "$demo/audit.jsonl" 2>/dev/null || true; }
audit_has() { [ "$(audit_count "$1")" -ge "${2:-1}" ]; }
audit_show() { grep "$1" "$demo/audit.jsonl" | tail -n "${2:-1}" | indent; }
metric() { # PATTERN: the sum of the samples that match; 0: there is none
  curl -fsS "$metrics_url" | grep -v '^#' | grep -E "$1" | awk '{ sum += $NF } END { print sum + 0 }'
}
metric_show() { curl -fsS "$metrics_url" | grep -v '^#' | grep -E "$1" | indent; }
metric_at_least() { [ "$(metric "$1")" -ge "$2" ]; }
# Runs a client of mosquitto's, shows what it said; its exit code does not matter.
client() { # COMMAND...
  shown "$(printf '%q ' "$@")"
  "$@" >"$demo/client.out" 2>&1 </dev/null || true
  indent <"$demo/client.out"
}

title "5. An allowed publish arrives"
# shellcheck disable=SC2046
{
  shown mosquitto_sub $(as operator) -q 1 -t "'plant/#'" "&"
  setsid mosquitto_sub $(as operator) -q 1 -t 'plant/#' -F 'received: %t %p' </dev/null >"$demo/subscriber.out" 2>&1 &
}
subscriber_pid=$!
wait_until 10 metric_at_least '^sallyport_packets_total\{from="broker",type="SUBACK"' 1 || {
  indent <"$demo/subscriber.out"
  die "the operator could not subscribe."
}
# shellcheck disable=SC2046
client mosquitto_pub $(as sensor-001) -q 1 -t plant/sensor-001/telemetry/temperature -m 21.5
wait_until 10 grep -q '^received: plant/sensor-001/telemetry/temperature 21.5$' "$demo/subscriber.out" ||
  die "the allowed publish did not arrive at the subscriber."
grep '^received' "$demo/subscriber.out" | indent
wait_until 10 audit_has '"session_begin".*sensor-001' || die "the audit log does not name the session."
audit_show '"session_begin".*sensor-001'
metric_show '^sallyport_packets_total\{.*type="PUBLISH"'
held "sensor-001 may publish its own telemetry, and the operator gets it"

title "6. A refused publish: sensor-001 in the name of sensor-002"
# shellcheck disable=SC2046
client mosquitto_pub $(as sensor-001) -q 1 -t plant/sensor-002/telemetry/temperature -m 99
grep -qi 'not authorized' "$demo/client.out" || die "the client was not told that it may not."
wait_until 10 audit_has '"refusal".*"PUBLISH".*plant/sensor-002/' || die "the audit log does not name the refusal."
audit_show '"refusal".*"PUBLISH".*plant/sensor-002/'
metric_at_least '^sallyport_refusals_total\{.*"policy.no-rule"' 1 || die "the metric did not count the refusal."
metric_show '^sallyport_refusals_total\{.*"policy.no-rule"'
if grep -q 'plant/sensor-002/' "$demo/subscriber.out"; then die "the refused publish arrived."; fi
held "it was answered 0x87 Not authorized, and nobody received it"

title "7. A refused subscribe: sensor-001 wants everything"
# shellcheck disable=SC2046
client mosquitto_sub $(as sensor-001) -q 1 -W 5 -t '#'
grep -qi 'denied' "$demo/client.out" || die "the client was not told that it may not."
wait_until 10 audit_has '"refusal".*"SUBSCRIBE"' || die "the audit log does not name the refusal."
audit_show '"refusal".*"SUBSCRIBE"'
metric_at_least '^sallyport_refusals_total\{.*"policy.no-rule"' 2 || die "the metric did not count the refusal."
metric_show '^sallyport_refusals_total\{.*"policy.no-rule"'
held "the filter was answered 0x87 in its place"

title "8. A flood: 200 messages at once where the rule allows 10/s with a burst of 20"
# shellcheck disable=SC2046
{
  shown "seq 1 200 | mosquitto_pub $(as sensor-001) -q 1 -l -t plant/sensor-001/telemetry/flood"
  seq 1 200 | mosquitto_pub $(as sensor-001) -q 1 -l -t plant/sensor-001/telemetry/flood >"$demo/client.out" 2>&1 || true
}
refused=$(grep -ci 'quota exceeded' "$demo/client.out" || true)
head -n 2 "$demo/client.out" | indent
say "... $refused of 200 were answered 0x97 Quota exceeded"
[ "$refused" -ge 100 ] || die "the flood was not limited."
wait_until 10 audit_has '"refusal".*"telemetry"' || die "the audit log does not name the limit."
audit_show '"refusal".*"telemetry"'
metric_at_least '^sallyport_refusals_total\{.*"telemetry"' "$refused" || die "the metric did not count the flood."
metric_show '^sallyport_refusals_total\{.*"telemetry"'
all_accounted_for() {
  arrived=$(grep -c '^received: plant/sensor-001/telemetry/flood' "$demo/subscriber.out" || true)
  [ "$arrived" -ge 20 ] && [ $((arrived + refused)) -eq 200 ]
}
wait_until 10 all_accounted_for || die "of 200 messages $arrived arrived and $refused were refused."
held "the other $arrived arrived, and the session was not cut"

end_process "$subscriber_pid"
subscriber_pid=''

if [ $once = yes ]; then
  title "All four held."
  exit 0
fi

title "All four held. The gateway and the broker stay up until Ctrl-C."
cat <<NEXT

   In another terminal:

     cd $(printf %q "$root")

   What the operator sees (leave it running):
     mosquitto_sub $(as operator) -v -t 'plant/#'

   A sensor speaks, and may not speak for another:
     mosquitto_pub $(as sensor-002) -q 1 -t plant/sensor-002/telemetry/humidity -m 40
     mosquitto_pub $(as sensor-002) -q 1 -t plant/sensor-001/telemetry/humidity -m 40

   All of it on one page, in a browser:
     http://127.0.0.1:$metrics_port/

   Why, and how often:
     tail -n 3 $demo/audit.jsonl
     curl -s $metrics_url | grep '^sallyport_refusals'

   Change a rule while sessions stay up:
     \${EDITOR:-nano} $demo/policy.toml
     $gateway check -c $demo/gateway.toml && kill -HUP $gateway_pid
     tail -n 3 $demo/gateway.log

NEXT
interrupted=0
set +e
wait -n "$gateway_pid" "$broker_pid"
if ! kill -0 "$gateway_pid" 2>/dev/null; then
  gateway_pid=''
  tail -n 5 "$demo/gateway.log" | indent
  die "the gateway ended by itself."
fi
broker_pid=''
tail -n 5 "$demo/mosquitto.log" | indent
die "mosquitto ended by itself."
