#!/usr/bin/env bash
# apt-install.sh WHY PACKAGE…: install packages the other tools need, as root on Debian or Ubuntu; else say what is missing.
set -euo pipefail

why=$1
shift

if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "$why: install $* (as root on Debian or Ubuntu this would happen by itself)." >&2
  exit 1
fi

echo "$why: installing $* from the distribution's archive."
# Two tools may want packages at the same time, and apt waits for nobody who reads its lists. A daemon that a package starts must not keep the
# lock for as long as it runs, so apt-get does not inherit it.
apt_get() { flock --close /run/flaskops-apt.lock apt-get -qq "$@"; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# A third-party source that is down must not stop us: whether the install works is what counts.
apt_get update >"$log" 2>&1 || true
apt_get install -y --no-install-recommends "$@" >>"$log" 2>&1 || { cat "$log" >&2; exit 1; }
