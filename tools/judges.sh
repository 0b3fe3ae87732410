#!/usr/bin/env bash
# Show what `ansible-galaxy collection build` packs to the judges of the ecosystem: ansible-test sanity, and galaxy-importer as Galaxy runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

top=$PWD
place=$top/.cache/judges
export PATH=$top/.venv/bin:$PATH
# galaxy-importer warns of what our formatter writes (a space before the colon of a slice, operators that begin a line, bodies of an ellipsis),
# of names with a leading underscore, which are assigned to on purpose, and that tests/sanity has anything.
expected=": (E203|W503|E704) |: F841 local variable '_|^WARNING: Ignore files skip "

rm -rf "$place/built"
mkdir -p "$place/built/ansible_collections/flaskops/stack"
ansible-galaxy collection build --output-path "$place/built" >/dev/null
archive=$(echo "$place"/built/flaskops-stack-*.tar.gz)

importer() {
  local venv=$place/venv wanted
  wanted=$(sha256sum requirements/judges.txt)
  if [[ $(cat "$venv/.stamp" 2>/dev/null) != "$wanted" ]]; then
    .cache/uv/bin/uv venv -q --clear --no-project --python .venv/bin/python "$venv"
    .cache/uv/bin/uv pip sync -q --python "$venv/bin/python" --require-hashes requirements/judges.txt
    echo "$wanted" >"$venv/.stamp"
  fi
  # ansible-lint and ansible-test run beside it, with our settings.
  printf '%s\n' '[galaxy-importer]' 'RUN_ANSIBLE_DOC = True' 'RUN_ANSIBLE_LINT = False' 'RUN_ANSIBLE_TEST = False' 'RUN_FLAKE8 = True' \
    'CHECK_REQUIRED_TAGS = True' 'CHECK_CHANGELOG = True' 'REQUIRE_V1_OR_GREATER = True' >"$place/importer.cfg"
  local log=$place/importer.log
  if ! (cd "$place" && PATH=$venv/bin:$PATH GALAXY_IMPORTER_CONFIG=importer.cfg "$venv/bin/python" -m galaxy_importer.main "$archive" >"$log" 2>&1) ||
    grep -E '^(WARNING|ERROR)' "$log" | grep -qvE "$expected"; then
    grep -E '^(WARNING|ERROR)' "$log" | grep -vE "$expected" >&2 || tail -n 30 "$log" >&2
    echo "judges: galaxy-importer is not content with the collection, see above and $log." >&2
    return 1
  fi
  echo "judges: galaxy-importer would take the collection."
}

sanity() {
  local version
  version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  command -v shellcheck >/dev/null || tools/apt-install.sh "judges: ansible-test asks for shellcheck" shellcheck
  # ansible-test keeps such a file from a server that not every network lets through.
  local pip
  pip=$(sed -n "s/^ *pip='\([0-9.]*\)',$/\1/p" .venv/lib/python*/site-packages/ansible_test/_internal/python_requirements.py)
  mkdir -p ~/.ansible/test/cache
  cp tools/get_pip.py ~/.ansible/test/cache/"get_pip_${pip//./_}.py"

  cd "$place/built/ansible_collections/flaskops/stack"
  tar xzf "$archive"
  # ansible-test looks at the files that git knows.
  git init -q
  # pslint is for PowerShell. import wants `packaging`, which every ansible-core has and the place where that test imports plugins has not;
  # the unit tests import every plugin.
  ansible-test sanity --color no --local --python "$version" --skip-test pslint --skip-test import
  echo "judges: ansible-test sanity found nothing that tests/sanity does not explain."
}

importer
sanity
