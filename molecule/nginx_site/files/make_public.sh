#!/bin/sh
# Publishes static files of two instances, as the role uwsgi_service does: make_public.sh APPLICATION…
set -eu
for name in "$@"; do
  public=/srv/flask/$name/public
  mkdir -p "$public/0123456789ab/static" "$public/ba9876543210/static"
  echo "new of $name" >"$public/0123456789ab/static/new.css"
  echo "old of $name" >"$public/ba9876543210/static/old.css"
  echo secret >"$public/secret.txt"
  echo secret >"/srv/flask/$name/secret.txt"
  ln -s 0123456789ab "$public/current"
  ln -s ba9876543210 "$public/previous"
done
