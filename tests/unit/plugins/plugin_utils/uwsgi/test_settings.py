# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The settings that an instance is started with; its files as a whole are looked at in roles/test_uwsgi_service.py."""

from __future__ import annotations

import re

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.settings import SINCE, entry_point, instance_settings, stream_settings
from ansible_collections.flaskops.stack.tests.unit.render import RELEASE, complete, resolve_app

STREAM = {"path": "/time/", "mode": "stream"}


def settings(stop_timeout: int = 10, **changes):
    return instance_settings(complete(**changes), RELEASE, stop_timeout)


def values(*args, **changes):
    return {item["option"]: item["value"] for item in settings(*args, **changes)}


@pytest.mark.parametrize(
    ("wsgi", "default", "options"),
    [
        ("shop.wsgi:app", "", {"module": "shop.wsgi", "callable": "app"}),
        ("shop:create_app()", "", {"module": "shop", "callable": "create_app()"}),
        ("shop:create_app('a%b', n=2)", "", {"eval": "from shop import create_app; application = create_app('a%%b', n=2)"}),
        ("shop", "", {"module": "shop"}),
        ("shop", "app", {"module": "shop", "callable": "app"}),
        ("shop:api", "app", {"module": "shop", "callable": "api"}),
        ("app.py", "", {"wsgi-file": "app.py"}),
        ("app.py", "app", {"wsgi-file": "app.py", "callable": "app"}),
        ("src/app.py:api", "app", {"wsgi-file": "src/app.py", "callable": "api"}),
        ("a%n.py", "", {"wsgi-file": "a%%n.py"}),
    ],
)
def test_the_entry_point(wsgi, default, options):
    assert {item["option"]: item["value"] for item in entry_point(wsgi, default)} == options


def test_every_setting_has_a_reason():
    for item in settings(uwsgi={"options": {}}):
        assert re.fullmatch(r"[A-Za-z].+\.", item["reason"]), item["option"]


@pytest.mark.parametrize("build", [instance_settings, stream_settings])
def test_no_setting_is_there_twice(build):
    options = [item["option"] for item in build(complete(uwsgi={"processes": 3}, nginx={"routes": [STREAM]}), RELEASE, 10)]
    assert len(options) == len(set(options))


# --- sizing --------------------------------------------------------------------------------------------------------------


def test_the_host_says_how_many_workers_there_are_and_there_are_two_at_least():
    made = [(item["option"], item["value"]) for item in settings()]
    begin = made.index(("processes", "%k"))
    assert made[begin : begin + 4] == [("processes", "%k"), ("if-opt", "processes=1"), ("processes", 2), ("endif", True)]
    assert values()["threads"] == 2


@pytest.mark.parametrize("written", [{"processes": 5}, {"options": {"processes": 5}}])
def test_a_number_that_is_written_counts(written):
    made = [item for item in settings(uwsgi=written) if item["option"] in ("processes", "if-opt", "endif")]
    assert [(item["option"], item["value"]) for item in made] == [("processes", 5)]


def test_workers_by_load():
    assert {"cheaper", "cheaper-initial", "cheaper-step"} & set(values(uwsgi={"processes": 8})) == set()
    made = values(uwsgi={"processes": 8, "cheaper": {"minimum": 2}})
    assert (made["processes"], made["cheaper"], made["cheaper-initial"], made["cheaper-step"]) == (8, 2, 2, 1)
    made = values(uwsgi={"processes": 8, "cheaper": {"minimum": 2, "initial": 4, "step": 3}})
    assert (made["cheaper"], made["cheaper-initial"], made["cheaper-step"]) == (2, 4, 3)


def test_greenlets_take_the_place_of_threads():
    made = values(uwsgi={"greenlets": 100})
    assert (made["gevent"], made["gevent-early-monkey-patch"]) == (100, True)
    assert {"threads", "harakiri", "max-requests", "max-worker-lifetime"} & set(made) == set(), "a worker has many requests"


def test_workers_are_replaced_one_after_the_other():
    made = values(uwsgi={"package": "uwsgi==2.0.31", "worker_memory": 300})
    assert (made["max-requests"], made["max-requests-delta"]) == (100_000, 10_000)
    assert made["max-requests-delta"] / made["min-worker-lifetime"] >= 1000, "no worker answers so many a second: they never go together"
    assert (made["max-worker-lifetime"], made["max-worker-lifetime-delta"]) == (3600, 180)
    assert made["reload-on-rss"] == 300
    assert "reload-on-rss" not in values()


# --- versions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "known"),
    [
        ("uwsgi==2.0.21", False),
        ("pyuwsgi==2.0.28.post1", False),
        ("uwsgi==2.0.29", True),
        ("uWSGI == 2.0.31", True),
        ("pyuwsgi==2.0.30.post1", True),
        ("uwsgi>=2.0.29", False),
        ("uwsgi", False),
    ],
)
def test_an_option_is_written_where_its_uwsgi_knows_it(package, known):
    assert ("max-requests-delta" in values(uwsgi={"package": package})) == known
    assert "max-requests-delta" in SINCE


@pytest.mark.parametrize(("written", "known"), [({}, False), ({"package": "uwsgi==2.0.31"}, True)])
def test_of_a_virtualenv_that_is_not_ours_nothing_is_taken_for_granted(written, known):
    source = {"prebuilt": "/opt/shop", "virtualenv": "/opt/v"}
    app = resolve_app({"name": "shop", "source": source, "wsgi": "shop", "uwsgi": written})
    made = {item["option"] for item in instance_settings(app, RELEASE, 10)}
    assert ("max-requests-delta" in made) == known


def test_the_user_may_know_better_than_the_version():
    assert values(uwsgi={"package": "uwsgi==2.0.21", "options": {"max-requests-delta": 7}})["max-requests-delta"] == 7


# --- streams -------------------------------------------------------------------------------------------------------------


def streams(**changes):
    app = complete(nginx={"routes": [{"path": "/"}, STREAM]}, **changes)
    return {item["option"]: item["value"] for item in stream_settings(app, RELEASE, 7)}


def test_the_pool_runs_the_same_program():
    own, pool = values(nginx={"routes": [STREAM]}), streams()
    for option in ("strict", "chdir", "virtualenv", "binary-path", "module", "callable", "need-app", "master", "chmod-socket"):
        assert pool[option] == own[option], option
    assert pool["worker-reload-mercy"] == 7


def test_the_pool_has_greenlets_and_the_application_is_patched_before_it_is_imported():
    pool = streams()
    assert (pool["processes"], pool["gevent"], pool["gevent-early-monkey-patch"]) == (1, 1200, True)
    assert not {"threads", "gevent-monkey-patch"} & set(pool)
    assert streams(uwsgi={"stream": {"processes": 2, "greenlets": 50}})["gevent"] == 50


def test_or_threads():
    pool = streams(uwsgi={"stream": {"pool": "threads", "threads": 80}})
    assert pool["threads"] == 80
    assert not [option for option in pool if "gevent" in option]


def test_nothing_ends_a_stream_for_its_age():
    limits = ("harakiri", "max-requests", "max-worker-lifetime", "reload-on-rss", "log-slow")
    assert not set(limits) & set(streams(uwsgi={"worker_memory": 100}))
    assert set(limits) <= set(values(nginx={"routes": [STREAM]}, uwsgi={"worker_memory": 100})), "the other workers have no streams"


def test_the_pool_has_options_of_its_own():
    pool = streams(uwsgi={"options": {"harakiri": 5}, "stream": {"options": {"listen": 9, "vacuum": None}}})
    assert pool["listen"] == 9
    assert not {"vacuum", "harakiri"} & set(pool)


# --- http ----------------------------------------------------------------------------------------------------------------


def test_http_goes_by_the_private_socket():
    made = values(uwsgi={"http": "127.0.0.1:5000"})
    # Without it, uWSGI would open a port with its own protocol, which runs code for whoever reaches it.
    assert (made["http"], made["http-to"]) == ("127.0.0.1:5000", made["socket"])
    assert not {"http", "http-to", "http-socket"} & set(values())


# --- limits --------------------------------------------------------------------------------------------------------------


def test_the_users_options_come_last_and_replace():
    made = settings(uwsgi={"options": {"listen": 5, "new": ["a", "b"], "vacuum": None, "gone": None}})
    assert [(item["option"], item["value"]) for item in made[-2:]] == [("listen", 5), ("new", ["a", "b"])]
    assert [item["reason"] for item in made[-2:]] == ["From the description of the application.", ""]
    assert not {"vacuum", "gone"} & {item["option"] for item in made}
    assert [item["option"] for item in made].count("listen") == 1


def test_workers_are_given_the_time_the_stop_has():
    assert values(7)["worker-reload-mercy"] == 7


@pytest.mark.parametrize(
    ("mode", "pool", "harakiri"), [("plain", "none", 60), ("cache", "none", 60), ("stream", "none", None), ("stream", "gevent", 60)]
)
def test_only_streams_may_take_forever(mode, pool, harakiri):
    changes = {"nginx": {"routes": [{"path": "/"}, {"path": "/x", "mode": mode}]}, "uwsgi": {"stream": {"pool": pool}}}
    assert values(**changes).get("harakiri") == harakiri


def test_paths_are_taken_as_they_stand():
    app = {**complete(), "run_dir": "/run/50%", "name": "a%b"}
    made = {item["option"]: item["value"] for item in instance_settings(app, {"path": "/srv/%n", "virtualenv_path": "/v%v"}, 10)}
    assert made["chdir"] == "/srv/%%n"
    assert made["virtualenv"] == "/v%%v"
    assert made["binary-path"] == "/v%%v/bin/python"
    assert made["socket"] == "/run/50%%/own/%n.sock"
    assert made["stats"] == "/run/50%%/own/%n.stats"
    assert made["procname-prefix-spaced"] == "a%%b"
