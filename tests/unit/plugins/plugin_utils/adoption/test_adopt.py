"""Descriptions of hosts that were set up by hand, each in a way that people have."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.flaskops.stack.plugins.plugin_utils.adoption.nginx_files import AdoptionError

from .hand_made import Host

UNIT = """\
[Service]
User=notes
WorkingDirectory=/var/www/shop
Environment="PATH=/var/www/shop/venv/bin" SHOP_MODE=live
Environment=SECRET_KEY=c0rrect-h0rse
ExecStart=/var/www/shop/venv/bin/uwsgi --ini shop.ini
"""
INI = "[uwsgi]\nmodule = wsgi\nprocesses = 5\nthreads = 2\nsocket = shop.sock\nmaster = true\nharakiri = 30\n"
SITE = """\
server {
    listen 80;
    server_name shop.example.com;
    location / {
        include uwsgi_params;
        uwsgi_pass unix:///var/www/shop/shop.sock;
    }
}
"""
FILES = {"/etc/systemd/system/shop.service": UNIT, "/var/www/shop/shop.ini": INI, "/etc/nginx/sites-enabled/shop": SITE}
NGINX = "/etc/nginx/sites-enabled/shop"


def app_of(tmp_path, files, **more):
    found = Host(files, **more).adopted(tmp_path / "place")
    return found.apps[0], found


def site(*lines: str, before: str = "", server: str = "") -> dict[str, str]:
    """Return the files of a host whose site has some more locations."""
    text = SITE.replace("    location / {", "\n".join(lines) + "\n    location / {").replace(
        "    listen 80;", f"    listen 80;\n    {server}"
    )
    return {**FILES, NGINX: before + text}


def routes_of(tmp_path, files):
    app, found = app_of(tmp_path, files)
    return app.app["nginx"].get("routes"), found.left


def test_the_tutorials_way(tmp_path):
    app, found = app_of(tmp_path, FILES)
    assert app.app == {
        "name": "shop",
        "source": {"path": "apps/web1/shop"},
        "wsgi": "wsgi:application",
        "user": "notes",
        "env": {"SHOP_MODE": "live"},
        "secrets": "{{ vault_shop_secrets }}",
        "uwsgi": {"processes": 5, "threads": 2, "options": {"harakiri": 30}},
        "nginx": {"server_names": ["shop.example.com"], "routes": [{"path": "/"}]},
    }
    assert found.left == []
    assert (tmp_path / "place/shop/app.py").is_file()


def test_secrets_are_in_a_file_of_their_own_that_only_the_user_may_read(tmp_path):
    _app, found = app_of(tmp_path, FILES)
    text, private = found.files["host_vars/web1/secrets.yml"]
    assert private
    assert yaml.safe_load(text) == {"vault_shop_secrets": {"SECRET_KEY": "c0rrect-h0rse"}}
    assert [name for name, (other, _private) in found.files.items() if "c0rrect-h0rse" in other] == ["host_vars/web1/secrets.yml"]


def test_a_template_of_the_host_is_never_one_of_the_controller(tmp_path):
    hostile = "{{ lookup('pipe', 'touch /tmp/owned') }}"
    unit = UNIT.replace("SHOP_MODE=live", f'"SHOP_MODE={hostile}"')
    app, found = app_of(tmp_path, {**FILES, "/etc/systemd/system/shop.service": unit})
    assert app.app["env"]["SHOP_MODE"] == hostile
    text, _private = found.files["host_vars/web1/main.yml"]
    assert "SHOP_MODE: !unsafe" in text
    assert "secrets: '{{ vault_shop_secrets }}'" in text


def test_an_upstart_job_beside_a_unit_is_the_same_application(tmp_path):
    job = "setuid notes\nenv PATH=/var/www/shop/venv/bin\nchdir /var/www/shop\nexec uwsgi --ini shop.ini\n"
    _app, found = app_of(tmp_path, {**FILES, "/etc/init/shop.conf": job})
    assert [each.name for each in found.apps] == ["shop"]
    alone = {path: text for path, text in FILES.items() if not path.endswith(".service")}
    app, found = app_of(tmp_path / "again", {**alone, "/etc/init/shop.conf": job})
    assert app.app["user"] == "notes"
    assert "echo manual >/etc/init/shop.override" in found.files["web1.over.sh"][0]


def test_gunicorn_under_supervisor(tmp_path):
    files = {
        "/etc/supervisor/conf.d/guests.conf": "[program:guests]\ncommand=/opt/guests/venv/bin/gunicorn -w 3 --threads=4 -t 90 -b unix:/run/g.sock app:app\n"
        'directory=/opt/guests\nuser=www-data\nenvironment=MODE="a,b",\n    API_TOKEN="100%%"\n',
        "/etc/nginx/conf.d/guests.conf": "upstream g { server unix:/run/g.sock fail_timeout=0; }\nserver { server_name guests.test www.guests.test;\n"
        "location / { proxy_pass http://g; } }\n",
    }
    app, found = app_of(tmp_path, files)
    assert app.app["wsgi"] == "app:app"
    assert app.app["env"] == {"MODE": "a,b"}
    assert app.secrets["secrets"] == {"API_TOKEN": "100%"}
    assert app.app["uwsgi"] == {"processes": 3, "threads": 4, "options": {"harakiri": 90}}
    assert app.app["nginx"] == {"server_names": ["guests.test", "www.guests.test"], "routes": [{"path": "/"}]}
    assert "user" not in app.app
    assert "away /etc/supervisor/conf.d/guests.conf\nsupervisorctl update" in found.files["web1.over.sh"][0]


def test_gunicorn_with_a_file_of_settings(tmp_path):
    settings = (
        'import multiprocessing\nbind = ["127.0.0.1:9000"]\nworkers = multiprocessing.cpu_count() * 2 + 1\nthreads = 3\ntimeout = 20\n'
    )
    unit = "[Service]\nWorkingDirectory=/opt/shop\nExecStart=/opt/shop/venv/bin/python -m gunicorn -c conf.py 'shop:create_app()'\n"
    files = {
        "/etc/systemd/system/shop.service": unit,
        "/opt/shop/conf.py": settings,
        NGINX: "server { server_name s.test; location / { proxy_pass http://localhost:9000; } }\n",
    }
    app, found = app_of(tmp_path, files)
    assert app.app["uwsgi"] == {"processes": 1, "threads": 3, "options": {"harakiri": 20}}
    assert app.app["wsgi"] == "shop:create_app()"
    assert any(line.startswith("/opt/shop/conf.py:3: workers is computed when gunicorn starts; ") for line in found.left)


def test_pikus_way(tmp_path):
    place = "/home/piku/.piku"
    ini = (
        f"[uwsgi]\nchdir = {place}/apps/shop\nvirtualenv = {place}/envs/shop\nmodule = app:app\nthreads = 4\nprocesses = 1\nmaster = true\n"
        f"project = shop\nsocket = {place}/nginx/shop.sock\nenv = APP=shop\nenv = PORT=4000\nenv = HOME=/home/piku\nenv = MODE=live\n"
        f"env = DB={place}/apps/shop/data.db\n"
    )
    files = {
        "/etc/systemd/system/uwsgi-piku.service": f"[Service]\nExecStart=/usr/bin/uwsgi --emperor {place}/uwsgi-enabled\nUser=piku\n",
        f"{place}/uwsgi-enabled/shop_wsgi.1.ini": ini,
        f"{place}/uwsgi-enabled/shop_worker.1.ini": f"[uwsgi]\nchdir = {place}/apps/shop\nattach-daemon = celery -A tasks worker\n",
        "/etc/nginx/sites-enabled/default": f"server {{ listen 80 default_server; root /var/www/html; }}\ninclude {place}/nginx/*.conf;\n",
        f"{place}/nginx/shop.conf": f"upstream shop {{ server unix://{place}/nginx/shop.sock; }}\nserver {{ server_name shop.test;\n"
        f"location /static {{ alias {place}/apps/shop/static/; }}\nlocation / {{ uwsgi_pass shop; }} }}\n",
    }
    app, found = app_of(tmp_path, files, data=["data.db"])
    assert app.name == "shop"
    assert app.app["env"] == {"MODE": "live", "DB": "/srv/flask/shop/shared/data.db"}
    assert app.app["workers"] == [{"name": "worker", "command": "celery -A tasks worker"}]
    assert app.app["shared_paths"] == ["data.db"]
    assert app.app["nginx"]["routes"] == [{"path": "/static", "mode": "static", "directory": "static"}, {"path": "/"}]
    assert yaml.safe_load(found.files["host_vars/web1/main.yml"][0].replace("!unsafe", ""))["nginx_site_catch_all"] is False
    script = found.files["web1.over.sh"][0]
    assert f"away {place}/uwsgi-enabled/shop_wsgi.1.ini" in script
    assert f"away {place}/nginx/shop.conf" in script


def test_the_tutorials_proxy_before_a_default_server(tmp_path):
    proxy = """\
server {
    listen 8000 default_server;
    server_name myexample.com;
    location /api { include uwsgi_params; uwsgi_pass unix:/var/www/shop/shop.sock; }
}
proxy_cache_path /tmp/nginx levels=1:2 keys_zone=my_zone:10m inactive=60m;
proxy_cache_key "$scheme$request_method$host$request_uri";
server {
    listen 80 default_server;
    server_name www.example.com;
    location /api {
        add_header X-Proxy-Cache $upstream_cache_status;
        proxy_cache my_zone;
        proxy_cache_use_stale updating;
        proxy_cache_lock on;
        proxy_cache_valid 200 30d;
        proxy_ignore_headers X-Accel-Expires Expires Cache-Control;
        proxy_pass http://myexample.com:8000/api;
    }
}
"""
    app, _found = app_of(tmp_path, {**FILES, NGINX: proxy})
    assert app.app["nginx"] == {
        "server_names": ["www.example.com", "_"],
        "front": "proxy",
        "routes": [{"path": "/api", "mode": "cache", "preset": "seed", "valid": {200: "30d"}}],
    }
    assert app.app["health"] == {"path": "/api"}
    assert app.site.files == [NGINX]


@pytest.mark.parametrize(
    ("location", "route"),
    [
        ("location /t { uwsgi_pass unix:/var/www/shop/shop.sock; uwsgi_buffering off; }", {"path": "/t", "mode": "stream"}),
        ("location /t { uwsgi_pass unix:/var/www/shop/shop.sock; add_header X-Accel-Buffering no; }", {"path": "/t", "mode": "stream"}),
        (
            "location = /t { uwsgi_pass unix:/var/www/shop/shop.sock; uwsgi_read_timeout 20s; }",
            {"path": "/t", "match": "exact", "read_timeout": "20s"},
        ),
        (
            "location ~* \\.php$ { return 404; }",
            {"path": "(?i)\\.php$", "match": "regex", "mode": "deny", "status": "404"},
        ),
        (
            "location /x { return 302 https://other.test$request_uri; }",
            {"path": "/x", "mode": "redirect", "to": "https://other.test$request_uri", "status": "302"},
        ),
        ("location /x { deny all; }", {"path": "/x", "mode": "deny"}),
        (
            "location /static { alias /var/www/shop/assets; expires max; }",
            {"path": "/static", "mode": "static", "directory": "assets", "max_age": "365d"},
        ),
        ("location /static/ { root /var/www/shop; }", {"path": "/static/", "mode": "static", "directory": "static"}),
        (
            "location /up { uwsgi_pass unix:/var/www/shop/shop.sock; client_max_body_size 50m; allow 10.0.0.0/8; deny all; }",
            {"path": "/up", "max_body_size": "50m", "access": {"allow": ["10.0.0.0/8"]}},
        ),
    ],
)
def test_locations_become_routes(tmp_path, location, route):
    routes, left = routes_of(tmp_path, site(location))
    assert routes == [route, {"path": "/"}]
    assert left == []


PASS = "uwsgi_pass unix:/var/www/shop/shop.sock;"
HOST_ALONE = {"allow": ["127.0.0.1", "::1"]}


@pytest.mark.parametrize(
    ("guard", "says"),
    [
        ("auth_basic Staff; auth_basic_user_file /etc/nginx/passwords;", "auth_basic decides who gets an answer; write access.basic.users"),
        ("auth_request /check;", "auth_request decides who gets an answer; write access.request"),
        ("deny all;", "allow and deny cannot be read; write access"),
        ("allow 10.0.0.0/8; deny 10.1.0.0/16; allow 192.0.2.0/24; deny all;", "allow and deny cannot be read"),
        ("allow 10.0.0.0/8;", "allow and deny cannot be read"),
        ("if ($http_x_key != k3y) { return 403; }", "if decides who gets an answer"),
        ("limit_except GET { deny all; }", "limit_except decides who gets an answer"),
        ("satisfy any; allow 10.0.0.1; deny all;", "satisfy decides who gets an answer"),
    ],
)
def test_no_page_becomes_public_by_moving(tmp_path, guard, says):
    routes, left = routes_of(tmp_path, site(f"location /admin {{ {PASS} {guard} }}"))
    assert routes[0] == {"path": "/admin", "access": HOST_ALONE}
    assert [line for line in left if line.startswith(f"{NGINX}:5: {says}")], left
    app, _found = app_of(tmp_path / "server", site(server=guard))
    assert app.app["nginx"]["access"] == HOST_ALONE


def test_a_site_for_clients_with_certificates_stays_one(tmp_path):
    text = SITE.replace("listen 80;", "listen 443 ssl; ssl_certificate /a/c; ssl_certificate_key /a/k; ssl_verify_client on;")
    app, found = app_of(tmp_path, {**FILES, NGINX: text})
    assert app.app["nginx"]["access"] == HOST_ALONE
    assert [line for line in found.left if "ssl_verify_client decides who gets an answer; write nginx.tls.client_ca" in line]


def test_what_holds_for_all_servers_holds_for_the_site(tmp_path):
    app, _found = app_of(tmp_path, site(before="allow 10.0.0.0/8;\ndeny all;\n"))
    assert app.app["nginx"]["access"] == {"allow": ["10.0.0.0/8"]}


def test_an_internal_location_is_for_nobody(tmp_path):
    routes, _left = routes_of(tmp_path, site(f"location /inner {{ internal; {PASS} }}"))
    assert routes[0] == {"path": "/inner", "mode": "deny", "status": "404"}


@pytest.mark.parametrize(
    ("location", "says"),
    [
        (
            "location /files { root /srv/other; }",
            f"{NGINX}:5: nginx answers /files from /srv/other/files; move these files into the source",
        ),
        (
            "location /x { rewrite ^/x /y; uwsgi_pass unix:/var/www/shop/shop.sock; }",
            f"{NGINX}:5: the directive rewrite is not carried over",
        ),
        ("location /x { proxy_pass http://127.0.0.1:9999; }", f"{NGINX}:5: /x leads to another server"),
        ("location /x { uwsgi_pass unix:/var/www/shop/shop.sock; uwsgi_param OWN x; }", f"{NGINX}:5: nginx tells the application OWN"),
        ("location ~ x; }", "cannot be parsed as configuration of nginx"),
    ],
)
def test_what_is_not_carried_over_is_told_with_its_line(tmp_path, location, says):
    _routes, left = routes_of(tmp_path, site(location))
    assert [line for line in left if says in line], left


def test_certificates_redirects_and_strict_transport(tmp_path):
    text = """\
server { listen 80; server_name shop.example.com www.shop.example.com; return 301 https://shop.example.com$request_uri; }
server {
    listen 443 ssl;
    server_name shop.example.com;
    ssl_certificate /etc/ssl/own/shop.crt;
    ssl_certificate_key /etc/ssl/own/shop.key;
    add_header Strict-Transport-Security "max-age=31536000";
    location / { uwsgi_pass unix:/var/www/shop/shop.sock; }
}
"""
    app, _found = app_of(tmp_path, {**FILES, NGINX: text})
    assert app.app["nginx"]["tls"] == {"certificate": "/etc/ssl/own/shop.crt", "key": "/etc/ssl/own/shop.key", "hsts": 31536000}
    assert app.app["nginx"]["extra"] == ['if ($host = "www.shop.example.com") { return 301 https://shop.example.com$request_uri; }']


def test_a_repository_is_the_source_and_its_password_a_secret(tmp_path):
    commit = "0" * 40
    git = {"remote": "https://me:t0ken@git.test/shop.git", "commit": commit, "top": "/var/www/shop"}
    app, found = app_of(tmp_path, FILES, git=git)
    assert app.app["source"] == {"git": "{{ vault_shop_repository }}", "version": commit}
    assert "t0ken" not in found.files["host_vars/web1/main.yml"][0]
    assert "t0ken" not in "".join(found.left)
    app, _found = app_of(tmp_path / "local", FILES, git={**git, "remote": "/srv/repos/shop"})
    assert app.app["source"] == {"path": "apps/web1/shop"}


def test_packages_of_the_virtualenv_stand_in_for_requirements(tmp_path):
    app, _found = app_of(tmp_path, FILES, code={"wsgi.py": ""}, packages=["flask==3.0.3", "pip==24.0", "pyuwsgi==2.0.30"])
    assert app.app["extra_requirements"] == ["flask==3.0.3"]


def test_code_that_names_its_old_directory_is_told(tmp_path):
    _app, found = app_of(tmp_path, FILES, code={"wsgi.py": "import os\nDB = '/var/www/shop/data.db'\n"})
    assert [line for line in found.left if line.startswith("/var/www/shop/wsgi.py:2: the code names its own directory /var/www/shop")]


def test_what_the_description_refuses_is_left_with_its_message(tmp_path):
    text = SITE.replace(
        "location / {",
        "client_max_body_size 20m;\n    location /a { return 301 /b; }\n    location /a { return 301 /c; }\n    location / {",
    )
    app, found = app_of(
        tmp_path, {**FILES, NGINX: text, "/etc/systemd/system/shop.service": UNIT.replace("SHOP_MODE", "HTTPS_PROXY=a LANG")}
    )
    assert app.app["nginx"]["max_body_size"] == "20m"
    assert found.files


def test_includes_in_a_circle_are_one_line(tmp_path):
    files = {**FILES, "/etc/nginx/conf.d/a.conf": "include /etc/nginx/conf.d/a.conf;\n"}
    _app, found = app_of(tmp_path, files)
    assert [line for line in found.left if "in a circle" in line] == [
        "/etc/nginx/conf.d/a.conf:1: includes /etc/nginx/conf.d/a.conf in a circle; nginx would not load it; mend it first."
    ]


@pytest.mark.parametrize("text", ["\x1b[2J { \n", "{" * 5000, "a" * 200_000, "server {", "}\n}\n", "'", "location / {" * 2000])
def test_broken_files_of_nginx_stop_nothing(tmp_path, text):
    app, found = app_of(tmp_path, {**FILES, "/etc/nginx/conf.d/odd.conf": text})
    assert app.name == "shop"
    assert not [line for line in found.left if "\x1b" in line]


def test_a_running_server_that_nothing_starts(tmp_path):
    host = Host({NGINX: "server { server_name s.test; location / { proxy_pass http://127.0.0.1:8000; } }\n"})
    host.servers = [{"words": ["/opt/s/venv/bin/gunicorn", "app:app"], "directory": "/opt/s", "user": "notes", "unit": ""}]
    found = host.adopted(tmp_path / "place")
    assert found.apps[0].name == "s"
    assert [line for line in found.left if "nothing starts this process" in line]


def test_a_host_without_an_application_is_told(tmp_path):
    with pytest.raises(AdoptionError, match="web1 has no Flask application that is known here"):
        Host({}).adopted(tmp_path / "place")


def test_two_applications_share_a_user_and_no_name(tmp_path):
    other = {
        "/etc/systemd/system/shop2.service": UNIT.replace("/var/www/shop", "/var/www/shop2"),
        "/var/www/shop2/shop.ini": INI,
        "/etc/nginx/sites-enabled/shop2": SITE.replace("/var/www/shop/", "/var/www/shop2/"),
    }
    found = Host({**FILES, **other}).adopted(tmp_path / "place")
    assert [each.name for each in found.apps] == ["shop", "shop2"]
    assert [each.app.get("user") for each in found.apps] == [None, None]
    assert [each.app["nginx"]["server_names"] for each in found.apps] == [["shop.example.com"], ["shop2.invalid"]]
    assert [line for line in found.left if "shop.example.com is also a name of another application" in line]


def test_gunicorn_behind_a_socket_of_systemd(tmp_path):
    files = {
        "/etc/systemd/system/gunicorn.socket": "[Socket]\nListenStream=/run/gunicorn.sock\n",
        "/etc/systemd/system/gunicorn.service": "[Service]\nWorkingDirectory=/opt/shop\nExecStart=/opt/shop/venv/bin/gunicorn app:app\n",
        NGINX: "server { server_name s.test; location / { proxy_pass http://unix:/run/gunicorn.sock; } }\n",
    }
    app, found = app_of(tmp_path, files)
    assert app.app["nginx"]["server_names"] == ["s.test"]
    assert "systemctl disable --now gunicorn.socket gunicorn.service" in found.files["web1.over.sh"][0]


def test_a_unit_that_starts_the_server_through_a_script(tmp_path):
    files = {
        "/etc/systemd/system/shop.service": "[Service]\nEnvironment=MODE=live\nExecStart=/opt/shop/start.sh\n",
        NGINX: "server { server_name s.test; location / { proxy_pass http://127.0.0.1:8000; } }\n",
    }
    host = Host(files)
    host.servers = [{"words": ["/opt/shop/venv/bin/gunicorn", "app:app"], "directory": "/opt/shop", "user": "notes", "unit": "shop"}]
    found = host.adopted(tmp_path / "place")
    assert (found.apps[0].app["env"], found.apps[0].app["user"]) == ({"MODE": "live"}, "notes")
    assert "systemctl disable --now shop.service" in found.files["web1.over.sh"][0]
    assert found.left == []


def test_a_running_server_of_the_distribution_is_that_of_its_ini(tmp_path):
    files = {**FILES, "/etc/uwsgi/apps-enabled/shop.ini": INI.replace("module", "chdir = /var/www/shop\nmodule")}
    del files["/etc/systemd/system/shop.service"], files["/var/www/shop/shop.ini"]
    host = Host(files)
    words = ["/usr/bin/uwsgi", "--ini", "/usr/share/uwsgi/conf/default.ini", "--ini", "/etc/uwsgi/apps-enabled/shop.ini"]
    host.servers = [{"words": words, "directory": "/", "user": "www-data", "unit": "uwsgi"}]
    found = host.adopted(tmp_path / "place")
    assert [app.program.launch.kind for app in found.apps] == ["apps-enabled"]
    assert "/etc/init.d/uwsgi stop shop" in found.files["web1.over.sh"][0]


def test_the_main_file_of_nginx_is_never_moved_away(tmp_path):
    main = "events {}\nhttp {\n" + SITE + "}\n"
    files = {path: text for path, text in FILES.items() if path != NGINX}
    _app, found = app_of(tmp_path, {**files, "/etc/nginx/nginx.conf": main})
    assert "away /etc/nginx" not in found.files["web1.over.sh"][0]
    assert [line for line in found.left if line.startswith("/etc/nginx/nginx.conf:3: the server stands in nginx.conf itself")]


def test_directives_beside_the_servers_are_told(tmp_path):
    _app, found = app_of(tmp_path, site(before="limit_req_zone $binary_remote_addr zone=one:10m rate=1r/s;\n"))
    assert [line for line in found.left if line.startswith(f"{NGINX}:1: the directive limit_req_zone is not carried over")]


def test_more_servers_than_any_host_has_are_told(tmp_path):
    with pytest.raises(AdoptionError, match="more than 1000 servers on this host"):
        app_of(tmp_path, site(before="server { }\n" * 1001))
