#!/bin/bash
# A CA, a certificate of pebble's own server and one of a site, and the configuration of pebble.
set -euo pipefail
mkdir -p /opt/pebble
cd /opt/pebble
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${key[@]}" -keyout authority.key -out authority.pem -days 3650 -subj "/CN=test CA" \
  -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
sign() {
  openssl req "${key[@]}" -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
  openssl x509 -req -in "$1.csr" -CA authority.pem -CAkey authority.key -CAcreateserial -days "$3" -out "$1.pem" -extfile <(echo "subjectAltName=$2")
}
sign pebble DNS:localhost,IP:127.0.0.1 3650
sign own DNS:own.test 90
sign next DNS:own.test,DNS:forgotten.test 90
cat authority.pem >>own.pem
cat authority.pem >>next.pem
cat >pebble.json <<'JSON'
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": "/opt/pebble/pebble.pem",
 "privateKey": "/opt/pebble/pebble.key", "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": false,
 "retryAfter": {"authz": 1, "order": 1}, "certificateValidityPeriod": 7776000}}
JSON
