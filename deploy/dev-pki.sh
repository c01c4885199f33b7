#!/bin/sh
# Makes a throw-away PKI for trying and testing: one CA, one server certificate for localhost, and a
# client certificate for each name given. ECDSA P-256, valid for 30 days. Not for production: the
# CA's key lies beside the certificates.
#
#   deploy/dev-pki.sh DIRECTORY NAME...
#
# What is there and still valid for a day stays as it is; what is missing is made.
set -eu
umask 077

if [ $# -lt 2 ]; then
  echo "usage: ${0##*/} DIRECTORY NAME..." >&2
  exit 2
fi
dir=$1
shift
days=30
# A subject with only a common name. The name goes into a configuration file, so it is held to
# characters that mean nothing there.
check_name() {
  case $1 in
    '' | .* | -* | *[!A-Za-z0-9._-]*)
      echo "dev-pki.sh: \"$1\" is not a usable name (letters, digits, dot, dash, underscore)" >&2
      exit 2
      ;;
    ca | server)
      echo "dev-pki.sh: \"$1\" is the name of a file that is made anyway" >&2
      exit 2
      ;;
  esac
}

for name in "$@"; do
  check_name "$name"
done
mkdir -p "$dir"

make_key() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

still_good() {
  [ -s "$1" ] && openssl x509 -in "$1" -noout -checkend 86400 >/dev/null 2>&1
}

if ! still_good "$dir/ca.crt" || [ ! -s "$dir/ca.key" ]; then
  # Nothing that an older CA signed is worth keeping.
  rm -f "$dir"/*.crt "$dir"/*.key
  make_key "$dir/ca.key"
  openssl req -x509 -new -key "$dir/ca.key" -days $days -subj "/CN=Sallyport development CA" \
    -addext "basicConstraints=critical,CA:true,pathlen:0" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$dir/ca.crt"
fi

# issue NAME SUBJECT USAGE [SAN]
issue() {
  if still_good "$dir/$1.crt" && [ -s "$dir/$1.key" ]; then
    return
  fi
  make_key "$dir/$1.key"
  {
    echo "basicConstraints=critical,CA:false"
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$3"
    [ -z "${4:-}" ] || echo "subjectAltName=$4"
  } >"$dir/.extensions"
  openssl req -new -key "$dir/$1.key" -subj "/CN=$2" -out "$dir/.request"
  openssl x509 -req -in "$dir/.request" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" \
    -set_serial "0x$(openssl rand -hex 16 | sed 's/^./4/')" -days $days \
    -extfile "$dir/.extensions" -out "$dir/$1.crt" 2>/dev/null
  rm -f "$dir/.request" "$dir/.extensions"
}

issue server localhost serverAuth "DNS:localhost,IP:127.0.0.1,IP:::1"
for name in "$@"; do
  issue "$name" "$name" clientAuth
done
