#!/usr/bin/env bash
# Make sure a Docker engine answers; on a bare Debian or Ubuntu machine, install and start one.
set -euo pipefail

log=/var/log/flaskops-dockerd.log
dockerd=

answers() { docker info >/dev/null 2>&1; }

wait_for_engine() {
  for _ in $(seq 60); do
    answers && return
    [[ -z $dockerd ]] || kill -0 "$dockerd" 2>/dev/null || return 1
    sleep 0.5
  done
  return 1
}

if answers; then exit 0; fi

if [[ -n ${DOCKER_HOST:-} ]]; then
  echo "docker-engine: DOCKER_HOST=$DOCKER_HOST does not answer: start that engine, or unset DOCKER_HOST." >&2
  exit 1
fi
if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "docker-engine: no Docker engine answers: install Docker Engine (docker.io on Debian), start it," \
    "and see that 'docker info' works for user $(id -un)." >&2
  exit 1
fi

install=$(dirname "$0")/apt-install.sh
command -v dockerd >/dev/null || "$install" "docker-engine: this machine has no Docker engine" docker.io iptables
# Up to Debian 12 the client is part of docker.io.
command -v docker >/dev/null || "$install" "docker-engine: this machine has no Docker client" docker-cli
if answers; then exit 0; fi # the package has started it

if [[ -d /run/systemd/system ]]; then
  echo "docker-engine: starting docker.service."
  systemctl start docker.service || { journalctl -u docker.service -n 30 --no-pager >&2; exit 1; }
else
  echo "docker-engine: starting dockerd in the background, log in $log."
  # Detached from terminal, descriptors and process group: it has to outlive make.
  setsid nohup dockerd >"$log" 2>&1 </dev/null &
  dockerd=$!
fi

if ! wait_for_engine; then
  echo "docker-engine: dockerd has ended or does not answer; the end of $log:" >&2
  tail -n 30 "$log" >&2 || true
  exit 1
fi
