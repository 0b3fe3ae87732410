#!/usr/bin/env bash
# demo.sh up: a container plays the server, Ansible deploys to it over SSH as it would to any other. demo.sh down: remove it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/env.sh
. tools/env.sh

container=flaskops-demo
DEMO_HTTP_PORT=${DEMO_HTTP_PORT:-8080}
DEMO_HTTPS_PORT=${DEMO_HTTPS_PORT:-8443}
DEMO_SSH_PORT=${DEMO_SSH_PORT:-2222}

published() { docker inspect -f "{{range index .HostConfig.PortBindings \"$1/tcp\"}}{{.HostPort}}{{end}}" "$container"; }

start_container() {
  if docker container inspect "$container" >/dev/null 2>&1; then
    docker start "$container" >/dev/null
    # Ports are fixed for a container's life: what it has counts, not what is asked for now.
    DEMO_HTTP_PORT=$(published 80)
    DEMO_HTTPS_PORT=$(published 443)
    DEMO_SSH_PORT=$(published 22)
    if [[ -z $DEMO_HTTPS_PORT ]]; then
      echo "demo: the container $container was made without a port for HTTPS; remove it with make demo-down and run make demo again" >&2
      exit 1
    fi
    echo "demo: using container $container, ports $DEMO_HTTP_PORT (HTTP), $DEMO_HTTPS_PORT (HTTPS) and $DEMO_SSH_PORT (SSH)."
    return
  fi
  echo "demo: starting container $container, ports $DEMO_HTTP_PORT (HTTP), $DEMO_HTTPS_PORT (HTTPS) and $DEMO_SSH_PORT (SSH) on 127.0.0.1."
  if ! tools/target.sh run "$container" flaskops-target:trixie --hostname "$container" \
    --publish "127.0.0.1:$DEMO_HTTP_PORT:80" --publish "127.0.0.1:$DEMO_HTTPS_PORT:443" --publish "127.0.0.1:$DEMO_SSH_PORT:22"; then
    docker rm --force "$container" >/dev/null 2>&1 || true
    echo "demo: the container did not start, see above; other ports: make demo DEMO_HTTP_PORT=8081 DEMO_HTTPS_PORT=8444 DEMO_SSH_PORT=2223" >&2
    exit 1
  fi
}

# A login as on a rented server: an unprivileged user, a key, sudo.
give_login() {
  mkdir -p .demo
  [[ -f .demo/id_ed25519 ]] || ssh-keygen -q -t ed25519 -N '' -C flaskops-demo -f .demo/id_ed25519
  docker exec -i "$container" sh -c '
    install -d -m 0700 -o deploy -g deploy ~deploy/.ssh
    cat >~deploy/.ssh/authorized_keys
    chown deploy:deploy ~deploy/.ssh/authorized_keys' <.demo/id_ed25519.pub
  # The published port accepts before sshd does: the host key is the proof that it is there.
  for _ in $(seq 60); do
    ssh-keyscan -T 2 -t ed25519 -p "$DEMO_SSH_PORT" 127.0.0.1 >.demo/known_hosts 2>/dev/null || true
    [[ -s .demo/known_hosts ]] && return
    sleep 0.5
  done
  echo "demo: no sshd answers on port $DEMO_SSH_PORT; see: docker exec $container journalctl -u ssh" >&2
  exit 1
}

# The image and the virtualenv are made side by side: on a fresh machine these two take most of the time.
prepare() {
  tests/target/build.sh trixie &
  local image=$!
  tools/venv.sh demo || { kill "$image" && exit 1; }
  wait "$image"
}

up() {
  prepare
  command -v ssh-keyscan >/dev/null || tools/apt-install.sh "demo: Ansible logs in by SSH" openssh-client
  start_container
  give_login
  export DEMO_HTTP_PORT DEMO_HTTPS_PORT DEMO_SSH_PORT # inventory/demo reads them
  ansible-playbook -i inventory/demo flaskops.stack.site
  ansible-playbook -i inventory/demo flaskops.stack.validate
  # The host has signed this certificate itself, so the check trusts the copy that root reads there, and no other.
  docker exec "$container" cat /var/lib/flaskops/tls/httpbin/live/fullchain.pem >.demo/httpbin.pem
  tools/demo_check.py "$DEMO_HTTP_PORT" "$DEMO_HTTPS_PORT" .demo/httpbin.pem
}

down() {
  docker rm --force --volumes "$container" >/dev/null 2>&1 || true
  rm -rf .demo
}

case ${1:-} in
  up | down) "$1" ;;
  *) echo "usage: ${0##*/} up|down" >&2 && exit 2 ;;
esac
