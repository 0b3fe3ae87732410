#!/usr/bin/env bash
# Break a real deployment at every point: chaos.sh [options of the harness, such as --only REGEX or --list].
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh

log=.cache/chaos.log

quietly() {
  echo "chaos: $1 the host"
  molecule "$1" -s chaos >"$log" 2>&1 || { cat "$log" >&2 && exit 1; }
}

trap 'quietly destroy' EXIT
quietly destroy
quietly create
quietly prepare
python -m ansible_collections.flaskops.stack.tests.chaos "chaos-trixie${CONTAINER_SUFFIX:-}" "$@"
