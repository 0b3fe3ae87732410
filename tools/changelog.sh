#!/usr/bin/env bash
# Write CHANGELOG.md as the next release will have it, from the fragments; --check says whether it is up to date.
# A release takes the fragments in for good, by `antsibull-changelog release` in the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

top=$PWD
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# antsibull-changelog writes into the collection that it is run in, whose place tells the name.
copy=$place/ansible_collections/flaskops/stack
mkdir -p "$copy"
cp -r galaxy.yml changelogs "$copy"
(cd "$copy" && antsibull-changelog release >"$place/log" 2>&1) || { cat "$place/log" >&2 && exit 1; }
case ${1:-} in
  '') cp "$copy/CHANGELOG.md" "$top/CHANGELOG.md" ;;
  --check)
    cmp -s "$copy/CHANGELOG.md" "$top/CHANGELOG.md" || { echo "CHANGELOG.md is older than changelogs/fragments: run make docs" >&2 && exit 1; }
    ;;
  *) echo "usage: ${0##*/} [--check]" >&2 && exit 2 ;;
esac
