#!/bin/sh
# Installs nginx as a package of nginx.org has it: with the program of Debian, and the files, the user and the service that nginx.org ships
# (github.com/nginx/pkg-oss, debian/). Their archive is not reached by every machine that runs this.
set -eu
mkdir -p /root/org/package
cd /root/org
apt-get -qq update >/dev/null
apt-get -qq download nginx nginx-common >/dev/null
for package in *.deb; do
  dpkg-deb --extract "$package" package
done
cd package
rm -rf etc/ufw etc/default usr/share/doc etc/nginx/sites-* etc/nginx/snippets etc/nginx/modules-* etc/nginx/fastcgi.conf etc/nginx/proxy_params
mkdir -p etc/nginx/conf.d DEBIAN
cat >etc/nginx/nginx.conf <<'END'

user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;


events {
    worker_connections  1024;
}


http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile        on;
    #tcp_nopush     on;

    keepalive_timeout  65;

    #gzip  on;

    include /etc/nginx/conf.d/*.conf;
}
END
cat >etc/nginx/conf.d/default.conf <<'END'
server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }
}
END
cat >DEBIAN/control <<END
Package: nginx
Version: 1:1.28.0-1~$(. /etc/os-release && echo "$VERSION_CODENAME")
Architecture: $(dpkg --print-architecture)
Maintainer: NGINX Packaging <nginx-packaging@f5.com>
Depends: $(dpkg-deb --field ../nginx_*.deb Depends | tr ',' '\n' | grep '^ *lib' | paste -sd,), adduser
Provides: httpd
Description: high performance web server
END
find etc -type f | sed 's#^#/#' >DEBIAN/conffiles
cat >DEBIAN/postinst <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
  getent group nginx >/dev/null || addgroup --system nginx >/dev/null
  getent passwd nginx >/dev/null ||
    adduser --system --disabled-login --ingroup nginx --no-create-home --home /nonexistent --shell /bin/false nginx >/dev/null
  mkdir -p /var/log/nginx /var/lib/nginx
  systemctl daemon-reload
  systemctl enable nginx >/dev/null 2>&1
  # Another web server has the port.
  systemctl start nginx || true
fi
END
chmod 755 DEBIAN/postinst
dpkg-deb --root-owner-group --build . ../nginx-org.deb >/dev/null
apt-get -qq install -y --no-install-recommends ../nginx-org.deb >/dev/null
