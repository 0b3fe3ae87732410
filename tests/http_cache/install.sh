#!/usr/bin/env bash
# Make .cache/http-cache-tests.tar: the suite with what it needs, by the lock beside this file. Returns at once where it is made already.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
directory=$root/.cache/http-cache-tests

inputs=$(cat package.json package-lock.json suite.mjs | sha256sum | cut -d' ' -f1)
mkdir -p "$directory"
exec 9>"$directory/lock"
flock 9
[[ $(cat "$directory/made" 2>/dev/null) != "$inputs" ]] || exit 0

command -v npm >/dev/null || "$root/tools/apt-install.sh" "http-cache-tests: npm brings the suite" npm
cp package.json package-lock.json suite.mjs "$directory"
npm ci --prefix "$directory" --ignore-scripts --no-audit --no-fund --loglevel=error
tar --create --file "$directory.tar" --directory "$directory" package.json suite.mjs node_modules
echo "$inputs" >"$directory/made"
