#!/bin/sh
# Makes the root folder of an image for one program: deploy/image/collect.sh PROGRAM ROOT
#
# In it are the program as /usr/bin/<its name>, every library that the dynamic linker loads for it,
# at the path where it looks, and the certificates of public authorities.
set -eu

[ $# = 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$1 root=$2

libraries=$(ldd "$program")
case $libraries in
  *"not found"*)
    echo "$libraries" >&2
    echo "collect.sh: a library is missing on this system" >&2
    exit 1
    ;;
esac

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs"
install -m 755 "$program" "$root/usr/bin/"
# A name and an arrow, or a path alone; the last word is the address. What the kernel brings itself
# has no path.
for library in $(echo "$libraries" | sed -n 's/^.*[[:space:]]\(\/[^[:space:]]*\) (0x[0-9a-f]*)$/\1/p'); do
  mkdir -p "$root$(dirname "$library")"
  install -m 755 "$(readlink -f "$library")" "$root$library"
done
install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
