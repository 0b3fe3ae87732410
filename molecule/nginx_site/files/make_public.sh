#!/bin/sh
# Publishes static files of two instances, as the role uwsgi_service does: make_public.sh APPLICATION[/PREFIX]…
set -eu
for place in "$@"; do
  name=${place%%/*} prefix=${place#"${place%%/*}"}
  public=/srv/flask/$name/public
  mkdir -p "$public/0123456789ab$prefix/static" "$public/ba9876543210$prefix/static"
  echo "new of $name" >"$public/0123456789ab$prefix/static/new.css"
  echo "old of $name" >"$public/ba9876543210$prefix/static/old.css"
  mkdir -p "$public/0123456789ab$prefix/spa/assets" "$public/ba9876543210$prefix/spa/assets" "$public/ba9876543210$prefix/docs" "$public/0123456789ab$prefix/docs/guide" "$public/0123456789ab$prefix/docs/empty"
  echo "page of $name" >"$public/0123456789ab$prefix/spa/index.html"
  echo "old page of $name" >"$public/ba9876543210$prefix/spa/index.html"
  for file in app.mjs app.wasm app.webmanifest app.css; do
    echo "plain $file" >"$public/0123456789ab$prefix/spa/assets/$file"
  done
  echo "packed app.css" | gzip -c >"$public/0123456789ab$prefix/spa/assets/app.css.gz"
  echo "old app" >"$public/ba9876543210$prefix/spa/assets/old.js"
  echo "docs of $name" >"$public/0123456789ab$prefix/docs/index.html"
  echo "guide of $name" >"$public/0123456789ab$prefix/docs/guide/index.html"
  echo "old page of $name" >"$public/ba9876543210$prefix/docs/old.html"
  mkdir -p "$public/0123456789ab/.flaskops/$name"
  for status in 403 404 410 413; do
    echo "page for $status" >"$public/0123456789ab/.flaskops/$name/$status.html"
  done
  echo secret >"$public/secret.txt"
  echo secret >"/srv/flask/$name/secret.txt"
  ln -s 0123456789ab "$public/current"
  ln -s ba9876543210 "$public/previous"
done
