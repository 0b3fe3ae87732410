#!/usr/bin/env bash
# Build .venv from the lock, with this checkout importable in it as flaskops.stack. Returns at once when nothing changed.
# venv.sh LOCK: then add what another lock has. venv.sh demo: what `make demo` needs and no more, unless .venv has all of it.
# PYTHON names the interpreter (default: the one .venv already has, else python3).
set -euo pipefail
cd "$(dirname "$0")/.."

lock=requirements/dev.txt
more=${1:-}
if [[ $more == demo ]]; then
  more=
  [[ -x .venv/bin/molecule ]] || lock=requirements/demo.txt
fi
stamp=.venv/.stamp
uv=.cache/uv/bin/uv

python=${PYTHON:-python3}
if [[ -z ${PYTHON:-} && -x .venv/bin/python ]]; then python=.venv/bin/python; fi
version=$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null) || {
  echo "venv: '$python' does not run: name a Python 3.11 or newer, e.g. make venv PYTHON=/usr/bin/python3.13" >&2
  exit 1
}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "venv: '$python' is Python $version, 3.11 or newer is needed, e.g. make venv PYTHON=/usr/bin/python3.13" >&2
  exit 1
fi

# A virtualenv knows its own path and interpreter: both must match, besides the lock.
place="python-$version $PWD"
wanted="$place $(cat "$lock" requirements/uv.txt | sha256sum | cut -d' ' -f1)"
built=$(cat "$stamp" 2>/dev/null || true)
if [[ $built == "$wanted" && -z $more ]]; then exit 0; fi

# The interpreter itself, not a virtualenv's: that may be the one about to be replaced.
python=$("$python" -c 'import sys; print(sys._base_executable)')

# uv brings its own list of authorities; a company's proxy is only in the system's bundle.
bundle=/etc/ssl/certs/ca-certificates.crt
if [[ -r $bundle ]]; then
  export SSL_CERT_FILE=${SSL_CERT_FILE:-$bundle}
  export PIP_CERT=${PIP_CERT:-$SSL_CERT_FILE}
fi
# uv does not read pip's configuration: where pip was given a mirror, uv has to use it too.
mirror=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
if [[ -n $mirror ]]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$mirror}; fi

# uv comes by pip; Debian's python3 may lack the half of venv that brings pip (ensurepip).
bootstrap_uv() {
  rm -rf .cache/uv
  if "$python" -m venv .cache/uv >/dev/null 2>&1; then
    .cache/uv/bin/python -m pip install -q --disable-pip-version-check -r requirements/uv.txt
  elif "$python" -m pip --version >/dev/null 2>&1; then
    rm -rf .cache/uv
    "$python" -m pip install -q --disable-pip-version-check --target .cache/uv -r requirements/uv.txt
  else
    return 1
  fi
}

if ! [[ -x $uv && .cache/uv/.stamp -nt requirements/uv.txt ]] || ! "$uv" --version >/dev/null 2>&1; then
  echo "venv: fetching uv, which installs the rest."
  bootstrap_uv || {
    tools/apt-install.sh "venv: $python has neither pip nor ensurepip" python3-venv
    bootstrap_uv
  }
  touch .cache/uv/.stamp
fi

if [[ $built != "$wanted" ]]; then
  echo "venv: building .venv with Python $version from $lock."
  # With another lock only, what is there is brought up to date in place.
  [[ $built == "$place "* ]] || "$uv" venv -q --clear --no-project --python "$python" --no-python-downloads .venv
  "$uv" pip sync -q --python .venv/bin/python --require-hashes --compile-bytecode "$lock"

  # Ansible finds collections beside its own package: with this link the checkout is an installed collection.
  purelib=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  mkdir -p "$purelib/ansible_collections/flaskops"
  ln -sfn "$PWD" "$purelib/ansible_collections/flaskops/stack"

  echo "$wanted" >"$stamp"
fi
[[ -z $more ]] || "$uv" pip install -q --python .venv/bin/python --require-hashes --compile-bytecode -r "$more"
