#!/bin/sh
# Set up the competitors inside a host, nothing of them running: each with an nginx of its own from the distribution's nginx.conf.
# /opt/rivals has the files of this directory, nginx.conf.dist, app/ and frozen.txt, the packages of the collection's virtualenv.
set -eu
cd /opt/rivals

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check -r frozen.txt -r requirements.txt

useradd --system --gid www-data --home-dir /var/www/myexample --no-create-home rival
install -d -o rival -g www-data /var/www/myexample
cp -r app/. seed.ini /var/www/myexample
mv /var/www/myexample/seed.ini /var/www/myexample/myexample.ini

for name in seed gunicorn granian; do
  install -d "/var/log/rival-$name"
  sed -e "s|/run/nginx.pid|/run/rival-$name.pid|" \
    -e "s|/var/log/nginx/|/var/log/rival-$name/|" \
    -e '/conf.d/d' \
    -e "s|include /etc/nginx/sites-enabled/\*;|include /opt/rivals/$name.conf;|" nginx.conf.dist >"$name.nginx.conf"
  sed -i 's|include uwsgi_params|include /etc/nginx/uwsgi_params|' "$name.conf"
  nginx -t -q -c "/opt/rivals/$name.nginx.conf"
done

# As an init script would: in its directory, as its user, output to a file.
serve() {
  name=$1
  shift
  systemd-run --quiet --unit="rival-$name-app" -p User=rival -p Group=www-data -p WorkingDirectory=/var/www/myexample \
    -p "RuntimeDirectory=$name" -p LimitNOFILE=65536 -p "StandardOutput=append:/var/log/rival-$name/app.log" \
    -p "StandardError=append:/var/log/rival-$name/app.log" -p Environment=PATH=/opt/rivals/venv/bin:/usr/bin:/bin "$@"
  systemd-run --quiet --unit="rival-$name-nginx" nginx -c "/opt/rivals/$name.nginx.conf" -g 'daemon off;'
}
cores=$(nproc)
serve seed /opt/rivals/venv/bin/uwsgi --ini myexample.ini
serve gunicorn /opt/rivals/venv/bin/gunicorn --workers $((2 * cores + 1)) --bind unix:/run/gunicorn/gunicorn.sock wsgi:application
serve granian /opt/rivals/venv/bin/granian --interface wsgi --workers "$cores" --host 127.0.0.1 --port 8301 wsgi:application
