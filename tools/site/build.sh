#!/usr/bin/env bash
# Build the documentation site in .cache/site/html; a warning of Sphinx fails it.
set -euo pipefail
cd "$(dirname "$0")/../.."

export PATH=$PWD/.venv/bin:$PATH
place=.cache/site
uv=.cache/uv/bin/uv
wanted="$(.venv/bin/python --version) $(sha256sum requirements/site.txt)"
if [[ $(cat "$place/venv/.stamp" 2>/dev/null) != "$wanted" ]]; then
  mkdir -p "$place"
  "$uv" venv -q --clear --no-project --python .venv/bin/python "$place/venv"
  "$uv" pip sync -q --python "$place/venv/bin/python" --require-hashes requirements/site.txt
  echo "$wanted" >"$place/venv/.stamp"
fi

rm -rf "$place/rst"
mkdir "$place/rst"
antsibull-docs collection --use-current --squash-hierarchy --dest-dir "$place/rst" flaskops.stack >/dev/null
python tools/site/layout.py "$place/rst" "$place/source"
"$place/venv/bin/sphinx-build" --fail-on-warning --keep-going --quiet --fresh-env "$place/source" "$place/html"
echo "site: $place/html/index.html"
