#!/bin/sh
# Makes a certificate authority of your own, once, and a certificate of the broker that is good for the names given:
#   scripts/certificates.sh DIR broker.example 192.168.1.10
# ca.crt goes to agents and workers (`ca:`), server.crt and server.key to the broker; ca.key stays where nobody else is.
# Again with the same DIR: a new certificate of the same authority. Agents read theirs at each attempt to connect.
set -eu
[ $# -ge 2 ] || { echo "Usage: $0 DIR NAME..." >&2; exit 64; }
dir=$1
shift
mkdir -p "$dir"
cd "$dir"
umask 077
names=
for name in "$@"; do
  case $name in
    *[!0-9.]*) names="$names,DNS:$name" ;;
    *) names="$names,IP:$name" ;;
  esac
done
if [ ! -e ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=Surgeon CA" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt
fi
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout server.key -out server.csr
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "${names#,}" > server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 397 -extfile server.ext -out server.crt
rm server.csr server.ext
chmod 644 ca.crt server.crt
