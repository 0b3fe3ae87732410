#!/usr/bin/env bash
# A container that plays a server, with systemd. Every one is started here: scenarios, demo, fault harness and benchmarks.
#   target.sh run NAME IMAGE [options of docker run]    start one and wait until it is up
#   target.sh wait NAME                                 wait until one is up
set -euo pipefail

BOOT_SECONDS=600

# The bus is not there at first, so --wait alone returns too early. Degraded is up: some unit cannot run in a container.
wait_until_up() {
  local until=$((SECONDS + BOOT_SECONDS))
  while ((SECONDS < until)); do
    case $(docker exec "$1" systemctl is-system-running --wait 2>/dev/null) in running | degraded) return ;; esac
    sleep 0.1
  done
  echo "target: $1 is not up after $BOOT_SECONDS s" >&2
  docker exec "$1" systemctl list-jobs >&2 || docker logs --tail 20 "$1" >&2
  return 1
}

run() {
  local name=$1 image=$2 groups=/sys/fs/cgroup
  # systemd 258 and newer, which testing has, boots with version 2 of cgroups alone. A machine with version 1 can have the other one beside it.
  if [[ $image == *:testing && $(stat --file-system --format=%T "$groups") != cgroup2fs ]]; then
    groups=/run/flaskops-cgroup2
    mountpoint --quiet "$groups" || { mkdir -p "$groups" && mount -t cgroup2 none "$groups"; }
  fi
  # SYS_ADMIN and the host's cgroups: the least that gives systemd working sandboxes and enforced resource limits.
  docker run --detach --pull never --name "$name" --cap-add SYS_ADMIN --cgroupns host --volume "$groups:/sys/fs/cgroup:rw" \
    --tmpfs /run --tmpfs /run/lock --tmpfs /tmp:exec "${@:3}" "$image" >/dev/null
  wait_until_up "$name"
}

case ${1:-} in
  run) run "${@:2}" ;;
  wait) wait_until_up "$2" ;;
  *) echo "usage: ${0##*/} run NAME IMAGE [options of docker run] | wait NAME" >&2 && exit 2 ;;
esac
