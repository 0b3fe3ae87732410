#!/usr/bin/env bash
# Build flaskops-target:<suite> for the suites given (default: both). Returns at once where the inputs are unchanged.
set -euo pipefail
cd "$(dirname "$0")"

suites=("$@")
[[ ${#suites[@]} -gt 0 ]] || suites=(bookworm trixie)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The client may be without buildx, and buildx may be set to a builder that does not see local images.
if docker buildx version >/dev/null 2>&1; then export BUILDX_BUILDER=default; else export DOCKER_BUILDKIT=0; fi

# The build context: our files, and the authorities this machine trusts beyond its distribution's.
context=$scratch/context
mkdir -p "$context/ca"
cp Dockerfile ssh-host-keys.conf "$context"
find -L /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$context/ca" \; 2>/dev/null || true
for bundle in "${SSL_CERT_FILE:-}" "${PIP_CERT:-}"; do
  # update-ca-certificates wants one certificate a file; the system's own bundle is made of files already copied.
  [[ -r $bundle && $(readlink -f "$bundle") != /etc/ssl/certs/ca-certificates.crt ]] || continue
  awk -v out="$context/ca/bundle" '/BEGIN CERT/{n++} n{print > (out "-" n ".crt")}' "$bundle"
done
inputs=$(cd "$context" && find . -type f -exec sha256sum {} + | sort | cat - "$OLDPWD/build.sh" | sha256sum | cut -d' ' -f1)

have() { docker image inspect "$1" >/dev/null 2>&1; }

# Without a registry the base comes from Debian's archive.
bootstrap() {
  local suite=$1 tar=$scratch/$1.tar
  local options=()
  # The index of testing is valid for a week, and a mirror may keep it for longer.
  if [[ $suite == testing ]]; then
    options=(--aptopt='Acquire::Check-Valid-Until "false"' --customize-hook='echo "Acquire::Check-Valid-Until false;" >"$1/etc/apt/apt.conf.d/old-index"')
  fi
  # Without a mirror named, mmdebstrap takes Debian's own, with updates and security.
  mmdebstrap --quiet --variant=minbase "${options[@]}" "$suite" "$tar" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
  docker import "$tar" "flaskops-base:$suite" >/dev/null
  rm "$tar"
}

build() {
  local suite=$1 base=$2 started=$SECONDS
  if [[ $base == flaskops-base:* ]] && ! have "$base"; then bootstrap "$suite"; fi
  docker build --quiet --tag "flaskops-target:$suite" --label "flaskops.inputs=$inputs" --build-arg "BASE=$base" \
    --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy "$context" >/dev/null
  echo "images: built flaskops-target:$suite from $base in $((SECONDS - started)) s."
}

declare -A building
for suite in "${suites[@]}"; do
  [[ $(docker image inspect -f '{{index .Config.Labels "flaskops.inputs"}}' "flaskops-target:$suite" 2>/dev/null) != "$inputs" ]] || continue
  base=debian:$suite
  # The engine itself gives a silent registry 15 s; the rest of the minute is for a slow one.
  if ! have "$base" && ! { ! have "flaskops-base:$suite" && timeout 60 docker pull --quiet "$base" >/dev/null 2>&1; }; then
    base=flaskops-base:$suite
    have "$base" || command -v mmdebstrap >/dev/null ||
      ../../tools/apt-install.sh "images: no registry gives debian:$suite, so it is made from Debian's archive" mmdebstrap debian-archive-keyring
  fi
  build "$suite" "$base" >"$scratch/$suite.log" 2>&1 &
  building[$suite]=$!
done

failed=0
for suite in "${!building[@]}"; do
  if wait "${building[$suite]}"; then tail -n 1 "$scratch/$suite.log"; else
    cat "$scratch/$suite.log" >&2
    echo "images: flaskops-target:$suite could not be built, see above." >&2
    failed=1
  fi
done
exit "$failed"
