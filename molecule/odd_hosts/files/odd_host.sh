#!/bin/sh
# Gives a host settings that people have, each of which has broken a deployment somewhere.
set -eu
# Other users see no processes (Debian wiki, "hidepid").
mount -o remount,hidepid=2 /proc
# Hardening guides want no programs in directories that everybody may write to.
mount -o remount,noexec /tmp
mount -t tmpfs -o noexec,size=5m tmpfs /var/tmp
# The data lie on another disk.
mkdir -p /data/srv
cp -a /srv/. /data/srv/
rm -r /srv
ln -s /data/srv /srv
# A host name with capitals that nothing resolves.
hostname Web01.Example.COM
umount /etc/hosts
printf '127.0.0.1 localhost\n10.1.1.1 web01\n' >/etc/hosts
rm -f
# Somebody has made the user, his group and the directory of an application.
groupadd --gid 4242 flask-direct
useradd --uid 4343 --gid 4242 --create-home --home-dir /home/direct --shell /bin/bash flask-direct
mkdir -p /srv/flask/direct
chown -R flask-direct: /srv/flask/direct
# An application of the same name was once served by the uwsgi of the distribution.
mkdir -p /etc/uwsgi/apps-enabled /etc/uwsgi/apps-available /run/uwsgi/app/direct
printf '[uwsgi]\nsocket = /run/uwsgi/app/direct/socket\nmodule = gone\n' >/etc/uwsgi/apps-available/direct.ini
ln -s ../apps-available/direct.ini /etc/uwsgi/apps-enabled/direct.ini
# Few tasks for each unit, and a setting for all units.
mkdir -p /etc/systemd/system.conf.d /etc/systemd/system/service.d
printf '[Manager]\nDefaultTasksMax=60\n' >/etc/systemd/system.conf.d/few.conf
printf '[Service]\nProtectClock=yes\nLimitNOFILE=4096\n' >/etc/systemd/system/service.d/all.conf
systemctl daemon-reexec
