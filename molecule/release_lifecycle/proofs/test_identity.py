"""Equal inputs give equal ids, whatever host, controller or place they come from; and versions are chosen once for all hosts."""

from __future__ import annotations

import subprocess
import typing as t

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, WHEELS, Site
from ansible_collections.flaskops.stack.tests.harness.host import Host
from ansible_collections.flaskops.stack.tests.harness.source import Description, changed

KINDS = ("virtualenvs", "releases", "instances")
# The path of the older Debian's interpreter on the newer one.
SECOND = "/opt/second"
DEPENDENCY = "ledger_dependency"


@pytest.fixture(scope="module")
def start(site: Site) -> Description:
    """A release of a directory, which these proofs start from."""
    site.source.require()
    site.source.write("identity")
    site.deploy(changed(site.first, source=site.source.path))
    return site.app


class Two(t.NamedTuple):
    """Two hosts with one interpreter: that of the first, which the second has beside its own."""

    old: Host
    new: Host


@pytest.fixture(scope="module")
def two(site: Site, start: Description) -> Two:
    if len(site.hosts) < 2:
        pytest.skip("the second interpreter comes from the other Debian release, which is not among the hosts")
    # Programs of an older Debian run on a newer one.
    old, new = sorted(site.hosts, key=lambda host: [int(part) for part in host.page()["python"].split(".")])
    version = old.page()["python"]
    taken = [f"usr/bin/python{version}", f"usr/lib/python{version}", WHEELS.lstrip("/")]
    packed = subprocess.run(["docker", "exec", old.container, "tar", "-C", "/", "-c", *taken], check=True, capture_output=True).stdout
    new.run("sh", "-ec", f"mkdir -p {SECOND}; tar -C {SECOND} -x; cp -n {SECOND}{WHEELS}/* {WHEELS}", given=packed)
    site.host_variables[old.name]["interpreter"] = f"/usr/bin/python{version}"
    site.host_variables[new.name]["interpreter"] = f"{SECOND}/usr/bin/python{version}"
    return Two(old, new)


def backwards(value: t.Any) -> t.Any:
    """Return a description with the keys in another order."""
    return {key: backwards(item) for key, item in reversed(value.items())} if isinstance(value, dict) else value


def test_the_same_by_other_names(site: Site, start: Description) -> None:
    """Place, times and modes of the source, the name of the interpreter and the order of keys have no influence."""
    for host in site.hosts:
        site.host_variables[host.name]["interpreter"] = f"/usr/bin/python{host.page()['python']}"
    other = changed(backwards(start), source=site.source.elsewhere(), python="{{ interpreter }}")
    run = site.run(described=other).require_success()
    run.require_nothing_changed("the code is the same in another place, and so is the interpreter by another name")


def test_only_the_interpreter(site: Site, two: Two) -> None:
    """Another interpreter makes everything new. Two hosts with the same one have the same ids of everything."""
    before = site.look()
    run = site.deploy(changed(site.app, python="{{ interpreter }}"))
    after = site.look()
    assert not run.changed[two.old.name], f"{two.old}: the interpreter is the same, but these tasks changed something: {run.changed}"
    for kind in KINDS:
        found = set(after[two.new.name][kind]) - set(before[two.new.name][kind])
        assert len(found) == 1, f"{two.new}: another interpreter makes one of the {kind}, not {found or 'none'}"
    assert two.new.page()["python"] == two.old.page()["python"], f"{two.new}: the application runs with Python {two.new.page()['python']}"
    ids = {name: (state["current"], state["live"]) for name, state in after.items()}
    assert len(set(ids.values())) == 1, f"equal inputs have different ids on different hosts: {ids}"


def test_versions_are_chosen_once(site: Site, two: Two) -> None:
    """Every host gets the versions of the first one, also from another controller and when there are newer ones by then."""
    site.publish(DEPENDENCY, "3.0", {f"{DEPENDENCY}.py": 'VERSION = "3.0"\n'})
    site.source.require(DEPENDENCY)
    site.run(described=site.app, limit=two.old).require_success()
    site.publish(DEPENDENCY, "3.1", {f"{DEPENDENCY}.py": 'VERSION = "3.1"\n'})
    # A controller that knows of nothing.
    site.cache = site.cache.with_name("another-cache")
    run = site.run().require_success()
    assert not run.changed[two.old.name], f"{two.old}: nothing is new, but these tasks changed something: {run.changed[two.old.name]}"
    for host in site.hosts:
        assert host.page()["dependency"] == "3.0", f"{host}: another version was chosen than on the first host: {host.page()}"
    require_equal_locks(site, "3.0")


def test_versions_are_refreshed_when_told_to(site: Site, two: Two) -> None:
    """A key of its own makes new virtualenvs, with what is newest then."""
    before = site.look()
    site.deploy(changed(site.app, requirements_refresh="today"))
    for name, state in site.look().items():
        found = set(state["virtualenvs"]) - set(before[name]["virtualenvs"])
        assert len(found) == 1, f"{name}: new virtualenvs are {found or 'none'}"
    for host in site.hosts:
        assert host.page()["dependency"] == "3.1", f"{host}: the version was not refreshed: {host.page()}"
    require_equal_locks(site, "3.1")


def require_equal_locks(site: Site, version: str) -> None:
    locks = {host.name: host.run("cat", f"/srv/flask/{APP}/venvs/{host.look()['virtualenv_id']}.lock") for host in site.hosts}
    assert len(set(locks.values())) == 1, f"the hosts have different versions: {locks}"
    for name, text in locks.items():
        assert f"{DEPENDENCY}=={version}\n" in text.replace("-", "_"), f"{name}: the lock is {text}"
