# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories of /var/lib and /var/log that belong to the system or to a package, so that no application can have them.

A host refuses what is there already and belongs to somebody else. On a new host such a directory may not be there yet: the package that is
installed later would find one of the application's, and trust what lies in it.
"""

from __future__ import annotations

import re

# Directories of Debian itself and of this collection.
_SYSTEM = """
alternatives apparmor apt apt-listchanges aspell boltd btmp ca-certificates-java cloud command-not-found dbus dhcp dhcpcd dictionaries-common
dkms dpkg emacsen-common faillog flaskops fontconfig fwupd gems ghc git grub hibernate-pre ieee-data initramfs-tools initscripts insserv
installer ispell journal kernel lastlog locales logrotate lvm man-db mime mlocate misc netplan NetworkManager nfs os-prober pam php plocate
plymouth polkit-1 portables power private python python3 readme runit sgml-base shells.state shim-signed snapd snmp sudo swtpm sysstat systemd tpm2-tss
ubuntu-advantage ubuntu-release-upgrader ucf udev udisks2 unattended-upgrades update-manager update-notifier update-rc.d upower urandom usbutils
uuidd vim wtmp wtmpdb xml-core xkb
"""
# Services that share a host with web applications, by the names of their packages' directories.
_SERVICES = """
aide amavis apache2 auditd audit bacula bind caddy cassandra ceph certbot chrony clamav clickhouse collectd collectd-core consul containerd cni
couchdb crowdsec cups debci debsums docker dovecot elasticsearch etcd exim4 fail2ban fluentd freeradius ganglia gitlab gitea gitolite3 grafana
graylog-server haproxy influxdb jenkins kafka kibana kubelet krb5kdc landscape ldap letsencrypt libvirt lighttpd logstash loki lxc lxcfs lxd
machines mailman mariadb memcached minio mongodb monit mosquitto munin munin-node mysql mysql-files mysql-keyring nagios4 netdata nginx
node_exporter nslcd nsd ntp ntpsec opendkim opendmarc opensearch openvpn opensmtpd php-fpm plex postfix postgresql postgresql-common
pgbouncer pdns prometheus proftpd puppet rabbitmq redis redis-sentinel rkhunter rspamd rsyslog rsync salt samba schroot sddm slapd sogo solr
spamassassin squid sssd stunnel4 suricata syslog-ng telegraf tftpboot tomcat tor trafficserver unbound valkey varnish vault vsftpd
vmware wireguard zabbix zookeeper
"""
_NAMES = frozenset(f"{_SYSTEM} {_SERVICES}".casefold().split())
# Versions and instances of the same service, such as postgresql-17, redis_6380 and tomcat9; and files of logs, such as dpkg.log and syslog.1.
_VARIANT = re.compile(r"[-_@.]?[0-9][0-9.]*$|@.*$")
_LOG_FILE = re.compile(r"\.(log|err|state|lock)(\.|$)|^(sys|kern|auth|user|mail|daemon|boot|dmesg|messages|debug|cron|secure)(log|\.|$)")


def remedy(text: str) -> str:
    """Return what to write in place of a directory that belongs to the system, empty for one that an application may have.

    :param text: a path below /var/lib or /var/log
    """
    first = text.partition("/")[0].casefold()
    if first in _NAMES or _VARIANT.sub("", first) in _NAMES or _LOG_FILE.search(first):
        return "name a directory of the application's own, such as one called like it, since this one is the system's or a package's"
    return ""
