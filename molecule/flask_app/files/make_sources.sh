#!/usr/bin/env bash
# make_sources.sh APPS DIRECTORY: sources of every kind, and some that cannot be deployed, from the applications of the tests.
set -euo pipefail
apps=$1
rm -rf "$2"
mkdir -p "$2"
cd "$2"

commit() { git -C repository -c user.name=Test -c user.email=test@example.com commit --quiet --message "$1"; }

# Two versions, in a directory of the repository.
git init --quiet --initial-branch=main repository
mkdir repository/src
cp "$apps"/probe/*.py repository/src
echo first >repository/src/version
git -C repository add .
commit first
git -C repository tag v1
echo second >repository/src/version
git -C repository add .
commit second

# As release archives are: everything in one directory.
cp -r "$apps/probe" packed-1.0
tar -czf packed.tar.gz packed-1.0
sha256sum packed.tar.gz | cut -d' ' -f1 | tr -d '\n' >packed.sha256

# The same files as signed, at another place and time, with what is no part of the code.
cp -r "$apps/signed" twin
find twin -exec touch -d 2001-02-03 {} +
mkdir -p twin/.git twin/__pycache__
touch twin/.git/config twin/__pycache__/app.cpython-311.pyc

cp -r "$apps/signed" wrong-hash
sed -i 's/sha256:c624/sha256:0000/' wrong-hash/requirements.txt
cp -r "$apps/signed" no-such-requirement
echo 'flaskops-no-such-requirement==1.0' >no-such-requirement/requirements.txt

# One requirement of three changes.
for click in 8.1.7 8.1.8; do
  cp -r "$apps/probe" "pinned-$click"
  printf '%s\n' "click==$click" Flask==3.1.3 itsdangerous==2.2.0 >"pinned-$click/requirements.txt"
done
