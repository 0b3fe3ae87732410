# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""uwsgi_service: what an instance is made of, read back as uWSGI and systemd would read it, and named by."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.account import declarations
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import MANAGED
from ansible_collections.flaskops.stack.tests.unit.parse import unit, uwsgi_ini
from ansible_collections.flaskops.stack.tests.unit.render import (
    COLLECTION,
    OVERLAYS,
    RELEASE,
    complete,
    instance,
    instances,
)
from ansible_collections.flaskops.stack.tests.unit.roles.units import STREAM, STREAMS, service


def options(app, release=None) -> dict[str, str]:
    """Return the options of the ini; none is repeated but the number of workers, which depends on the host."""
    pairs = uwsgi_ini(instance(app, release)["files"]["ini"])
    assert len(pairs) - len(dict(pairs)) == (1 if "if-opt" in dict(pairs) else 0)
    return dict(pairs)


# --- ini -----------------------------------------------------------------------------------------------------------------


def test_the_ini_runs_the_release_with_its_virtualenv():
    ini = options(complete())
    assert ini["chdir"] == RELEASE["path"]
    assert ini["virtualenv"] == RELEASE["virtualenv_path"]
    assert ini["binary-path"] == f"{RELEASE['virtualenv_path']}/bin/python"
    assert (ini["module"], ini["callable"]) == ("shop.wsgi", "app")


def test_the_socket_is_private_to_the_instance():
    ini = options(complete(run_dir="/run/elsewhere"))
    assert ini["socket"] == "/run/elsewhere/own/%n.sock"
    assert ini["stats"] == "/run/elsewhere/own/%n.stats"
    assert ini["chmod-socket"] == "660"
    assert ini["vacuum"] == "true"


@pytest.mark.parametrize(
    "option", ["strict", "need-app", "master", "single-interpreter", "enable-threads", "py-call-uwsgi-fork-hooks", "die-on-term"]
)
def test_what_experience_asks_for_is_on(option):
    assert options(complete())[option] == "true"


def test_no_hook_runs_beside_an_engine_whose_start_it_would_end():
    """The scenario default starts a pool of gevent; with the hooks uWSGI crashes there."""
    assert "py-call-uwsgi-fork-hooks" not in options(complete(uwsgi={"options": {"gevent": 100}}))
    for pool, hooks in (("gevent", False), ("threads", True)):
        app = complete(nginx={"routes": [{"path": "/"}, STREAM]}, uwsgi={"stream": {"pool": pool}})
        pool_ini = dict(uwsgi_ini(instance(app)["files"]["stream"]))
        assert ("py-call-uwsgi-fork-hooks" in pool_ini) is hooks, pool


def test_limits_are_those_of_uwsgi_and_nginx():
    ini = options(complete())
    assert ini["buffer-size"] == "65535", "65536 wraps to 0"
    assert ini["max-vars"] == "2048"
    assert ini["hook-master-start"] == "unix_signal:15 grace_them_all"
    assert ini["exit-on-reload"] == "true"
    assert ini["harakiri"] == "60"


def test_streams_without_a_pool_outlive_every_limit():
    no_pool = {"stream": {"pool": "none"}}
    assert "harakiri" not in options(complete(nginx={"routes": [{"path": "/"}, STREAM]}, uwsgi=no_pool))
    assert options(complete(nginx={"routes": [STREAM]}, uwsgi={**no_pool, "options": {"harakiri": 30}}))["harakiri"] == "30"


def test_the_user_has_the_last_word():
    app = complete(uwsgi={"processes": 7, "threads": 1, "options": {"max-requests": 1000, "listen": 100, "vacuum": None}})
    ini = options(app)
    assert (ini["processes"], ini["threads"], ini["max-requests"], ini["listen"]) == ("7", "1", "1000", "100")
    assert "vacuum" not in ini


def test_a_list_repeats_an_option():
    pairs = uwsgi_ini(instance(complete(uwsgi={"options": {"env": ["A=1", "B=2"]}}))["files"]["ini"])
    assert [value for name, value in pairs if name == "env"] == ["A=1", "B=2"]


def test_every_option_has_its_reason():
    lines = instance(complete())["files"]["ini"].splitlines()
    begin = lines.index("[uwsgi]") + 1
    assert all(line.startswith("# ") for line in lines[begin::2])
    assert not any(line.startswith("#") for line in lines[begin + 1 :: 2])


def test_a_percent_sign_is_no_magic_variable():
    assert options(complete(), {**RELEASE, "path": "/srv/100%n"})["chdir"] == "/srv/100%%n"


@pytest.mark.parametrize("overlay", sorted(OVERLAYS.glob("uwsgi_service/*.j2")), ids=lambda path: path.name)
def test_an_overlay_adds_to_the_ini_and_takes_nothing(overlay):
    plain = uwsgi_ini(instance(complete())["files"]["ini"])
    assert set(plain) < set(uwsgi_ini(instance(complete(uwsgi={"template": str(overlay)}))["files"]["ini"]))


# --- unit ----------------------------------------------------------------------------------------------------------------


def test_the_unit_runs_as_the_application_and_reads_its_own_files():
    found = service(complete(user="shopper", config_dir="/etc/elsewhere"))
    assert (found["User"], found["Group"]) == (["shopper"], ["shopper"])
    assert found["EnvironmentFile"] == ["/etc/elsewhere/%i.env", "/etc/elsewhere/%i.secrets"]
    assert found["Type"] == ["notify"]
    # Before the files, which may set another one.
    assert found["Environment"][0] == "LANG=C.UTF-8"


def test_the_unit_is_sandboxed():
    found = service(complete())
    for setting in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectKernelTunables", "RestrictSUIDSGID", "RestrictNamespaces"):
        assert found[setting] == ["true"], setting
    assert found["ProtectSystem"] == ["strict"]
    assert found["ProtectProc"] == ["invisible"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["ReadWritePaths"] == ["/run/flask/shop -/srv/flask/shop/shared"], "and nothing else of the file system"
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert found["SystemCallErrorNumber"] == ["EPERM"], "not the end of the process"


SWITCHABLE = ("RestrictAddressFamilies", "PrivateNetwork", "IPAddressDeny", "IPAddressAllow", "PrivateDevices", "MemoryDenyWriteExecute")
ORDINARY = {
    "RestrictAddressFamilies": ["AF_UNIX AF_INET AF_INET6"],
    "PrivateDevices": ["true"],
    "MemoryDenyWriteExecute": ["true"],
}


@pytest.mark.parametrize(
    ("sandbox", "changes"),
    [
        ({}, {}),
        ({"network": "any"}, {}),
        ({"network": "local"}, {"IPAddressDeny": ["any"], "IPAddressAllow": ["localhost"]}),
        ({"network": "none"}, {"PrivateNetwork": ["true"], "RestrictAddressFamilies": ["AF_UNIX"]}),
        ({"devices": True}, {"PrivateDevices": ["false"]}),
        ({"memory_execute": True}, {"MemoryDenyWriteExecute": ["false"]}),
        ({"write": ["/var/lib/a", "/mnt/b/c"]}, {"ReadWritePaths": ["/var/lib/a", "/mnt/b/c"]}),
        ({"system_calls": ["@resources", "fchown"]}, {"SystemCallFilter": ["@resources", "fchown"]}),
    ],
)
def test_a_switch_of_the_sandbox_changes_its_own_directive(sandbox, changes):
    found = service(complete(sandbox=sandbox), "drop_in")
    switched = (*SWITCHABLE, "ReadWritePaths", "SystemCallFilter")
    assert {name: value for name, value in found.items() if name in switched} == {**ORDINARY, **changes}
    # The template is shared by all instances: one that is gone back to must find its own sandbox again.
    assert instance(complete(sandbox=sandbox))["unit"] == instance(complete())["unit"]
    assert not set(SWITCHABLE) & set(service(complete(sandbox=sandbox)))


def test_an_application_comes_back_from_what_it_can_come_back_from():
    found = dict(unit(instance(complete())["unit"])["Unit"])
    assert found["StartLimitIntervalSec"] == "0", "not down for good after five tries"
    assert service(complete())["OOMPolicy"] == ["continue"], "one worker, not all"


def test_workers_get_the_chance_to_finish():
    found = service(complete())
    # The signal goes to the master alone, which stops its workers gracefully.
    assert found["KillMode"] == ["mixed"]
    assert found["Restart"] == ["always"]


def test_limits_of_the_instance_are_in_its_drop_in():
    found = service(complete(uwsgi={"memory_max": "512M", "tasks_max": 99}), "drop_in")
    assert (found["MemoryMax"], found["TasksMax"]) == (["512M"], ["99"])
    assert "MemoryMax" not in service(complete(), "drop_in")


def test_uwsgi_does_not_see_what_it_would_stop_for():
    # It exits where `listen` is more than somaxconn; the kernel takes the lesser of the two by itself.
    assert service(complete(), "drop_in")["InaccessiblePaths"] == ["-/proc/sys/net/core/somaxconn"]


def test_an_instance_differs_from_others_in_its_drop_in_alone():
    one, other = instance(complete()), instance(complete(), {**RELEASE, "virtualenv_path": "/srv/flask/shop/venvs/other"})
    assert one["unit"] == other["unit"]
    assert one["drop_in"] != other["drop_in"]
    assert service(complete(), "drop_in")["ExecStart"] == [f"{RELEASE['virtualenv_path']}/bin/uwsgi --ini /etc/flask/shop/%i.ini"]


@pytest.mark.parametrize(("timeout", "start"), [(5, "300"), (200, "2000")])
def test_systemd_waits_for_a_start_much_longer_than_the_gate_for_all_applications_start_at_boot(timeout, start):
    assert service(complete(health={"timeout": timeout}), "drop_in")["TimeoutStartSec"] == [start]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    made = instance(complete(user="daemon"))
    (tmp_path / "flask-shop@.service").write_text(made["unit"])
    drop_in = tmp_path / "flask-shop@abc.service.d"
    drop_in.mkdir()
    # The executable is looked for.
    (drop_in / "instance.conf").write_text(made["drop_in"].replace(f"{RELEASE['virtualenv_path']}/bin/uwsgi", "/bin/true"))
    unit_path = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "flask-shop@abc.service"],
        env=unit_path,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if "flask-shop" in line] == []


# --- pool for streams ----------------------------------------------------------------------------------------------------


def test_an_application_without_streams_has_no_pool():
    made = instance(complete())
    assert not {"stream_unit", "stream_drop_in"} & set(made)
    assert "stream" not in made["files"]
    assert not [line for text in (made["unit"], made["drop_in"], made["files"]["ini"]) for line in text.splitlines() if ".stream" in line]


def test_the_pool_is_a_unit_of_the_same_instance():
    made = instance(complete(**STREAMS))
    own, pool = (dict(unit(made[part])["Service"]) for part in ("unit", "stream_unit"))
    for name in ("User", "Group", "EnvironmentFile", "ProtectSystem", "ReadWritePaths", "CapabilityBoundingSet", "Restart"):
        assert pool[name] == own[name], name
    drop_in = dict(unit(made["stream_drop_in"])["Service"])
    assert drop_in["ExecStart"] == f"{RELEASE['virtualenv_path']}/bin/uwsgi --ini /etc/flask/shop/%i.stream.ini"
    assert ("Wants", "flask-shop.stream@%i.service") in unit(made["drop_in"])["Unit"], "it starts with the instance, at boot too"
    assert "Unit" not in unit(made["stream_drop_in"])


def test_the_pool_has_limits_of_its_own():
    limits = {"memory_max": "1G", "tasks_max": 100, "stream": {"memory_max": "256M", "tasks_max": 50}}
    found = dict(unit(instance(complete(**STREAMS, uwsgi=limits))["stream_drop_in"])["Service"])
    assert (found["MemoryMax"], found["TasksMax"]) == ("256M", "50")


def test_the_pool_has_an_ini_of_its_own_and_no_overlay():
    (overlay,) = OVERLAYS.glob("uwsgi_service/profiling.ini.j2")
    made = instance(complete(**STREAMS, uwsgi={"template": str(overlay)}))
    pool = dict(uwsgi_ini(made["files"]["stream"]))
    assert (pool["gevent"], pool["socket"]) == ("1200", "/run/flask/shop/own/%n.sock")
    assert "log-slow" not in pool, "of the overlay"


# --- environment ---------------------------------------------------------------------------------------------------------


def test_secrets_are_in_their_own_file_and_nowhere_else():
    made = instance(complete(env={"MODE": "live"}, secrets={"TOKEN": "hunter2"}))
    assert 'TOKEN="hunter2"' in made["files"]["secrets"]
    readable = {**made["files"], "secrets": "", "unit": made["unit"], "drop_in": made["drop_in"]}
    assert "hunter2" not in str(readable)
    assert 'MODE="live"' in made["files"]["env"]


def test_programs_of_the_virtualenv_are_found_first():
    lines = instance(complete())["files"]["env"].splitlines()
    assert f'PATH="{RELEASE["virtualenv_path"]}/bin:/usr/local/bin:/usr/bin:/bin"' in lines
    assert 'PATH="/opt/bin"' in instance(complete(env={"PATH": "/opt/bin"}))["files"]["env"].splitlines()


def test_every_file_says_who_manages_it():
    made = instance(complete(nginx={"routes": [STREAM]}))
    texts = [*made["files"].values(), *(made[part] for part in ("unit", "drop_in", "stream_unit", "stream_drop_in"))]
    texts += declarations(complete()).values()
    assert len(texts) == 11
    assert [text for text in texts if f"# {MANAGED}" not in text.splitlines()[:2]] == []


# --- ids -----------------------------------------------------------------------------------------------------------------


def test_equal_descriptions_give_equal_ids():
    made = complete(env={"A": "1", "B": "2"}, secrets={"C": "3", "D": "4"})
    turned = complete(secrets={"D": "4", "C": "3"}, env={"B": "2", "A": "1"})
    assert list(made) != list(turned)
    assert instance(made)["id"] == instance(turned)["id"]


CHANGES = {
    "env": {"env": {"MODE": "test"}},
    "secret": {"secrets": {"TOKEN": "other"}},
    "no secret": {"secrets": {}},
    "option": {"uwsgi": {"options": {"max-requests": 5}}},
    "processes": {"uwsgi": {"processes": 3}},
    "wsgi": {"wsgi": "shop.wsgi:other"},
    "user": {"user": "shopper"},
    "run_dir": {"run_dir": "/run/elsewhere"},
    "network": {"sandbox": {"network": "none"}},
    "write": {"sandbox": {"write": ["/var/lib/shop"]}},
    "stream": {"nginx": {"routes": [STREAM]}},
    "memory": {"uwsgi": {"memory_max": "512M"}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_an_instance_runs_with_changes_its_id(change):
    base = {"env": {"MODE": "live"}, "secrets": {"TOKEN": "hunter2"}}
    assert instance(complete(**base))["id"] != instance(complete(**{**base, **CHANGES[change]}))["id"]


@pytest.mark.parametrize(
    "change", [{"processes": 2}, {"greenlets": 7}, {"pool": "threads"}, {"pool": "none"}, {"options": {"listen": 5}}, {"tasks_max": 99}]
)
def test_the_pool_is_part_of_the_id(change):
    assert instance(complete(**STREAMS))["id"] != instance(complete(**STREAMS, uwsgi={"stream": change}))["id"]


@pytest.mark.parametrize("key", ["id", "path", "virtualenv_path", "callable", "revision"])
def test_another_release_is_another_instance(key):
    app = complete(wsgi="shop.wsgi")
    assert instance(app)["id"] != instance(app, {**RELEASE, key: "other"})["id"]


@pytest.mark.parametrize(
    "change", [{"health": {"timeout": 5}}, {"drain_timeout": 60}, {"keep_releases": 7}, {"nginx": {"server_names": ["x.example.com"]}}]
)
def test_what_does_not_reach_the_process_keeps_the_id(change):
    assert instance(complete(health={"host": "shop"}))["id"] == instance(complete(**{"health": {"host": "shop"}, **change}))["id"]


def test_secrets_enter_the_id_with_a_key():
    app = complete(secrets={"PIN": "1234"})
    assert instance(app, secrets_key="one")["id"] != instance(app, secrets_key="two")["id"]
    assert instance(app, secrets_key="one")["id"] == instance(app, secrets_key="one")["id"]
    # Without a secret there is nothing to protect.
    assert instance(complete(), secrets_key="one")["id"] == instance(complete(), secrets_key="two")["id"]


def test_the_place_of_the_checkout_does_not_enter_an_id(tmp_path, monkeypatch):
    here = instance(complete())["id"]
    copy = tmp_path / "elsewhere"
    shutil.copytree(COLLECTION / "roles/uwsgi_service", copy / "roles/uwsgi_service")
    monkeypatch.setattr("ansible_collections.flaskops.stack.tests.unit.render.COLLECTION", copy)
    assert instance(complete())["id"] == here


def test_equal_descriptions_of_two_applications_have_their_own_ids():
    one, other = instances([complete(), complete(name="blog")])
    assert one["id"] != other["id"]
