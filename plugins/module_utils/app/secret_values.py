# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values of the secrets of applications, so that nothing that is shown has one of them."""

from __future__ import annotations

import typing as t

from ..host.environment_file import variables_in
from ..host.files import names_in, read_text
from ..host.shown import learn
from .layout import FILES


def learn_secrets(apps: t.Iterable[t.Mapping[str, t.Any]]) -> None:
    """Hide the secrets of applications in all that this process shows: those of an order, and those of every instance on the host.

    :param apps: orders of instances or releases, or applications that are to be absent
    """
    for app in apps:
        learn(app["environment"][name] for name in app.get("secrets", ()))
        learn(app.get("build_environment", {}).values())
        for text in [app.get("files", {}).get("secrets", ""), *_on_host(app.get("config_dir", ""))]:
            learn(variables_in(text).values())


def _on_host(config_dir: str) -> list[str]:
    """Return the texts of secrets of instances on the host. An earlier instance has earlier secrets, and goes on with them."""
    names = [name for name in names_in(config_dir) if name.endswith(FILES["secrets"].suffix)] if config_dir else []
    return [read_text(f"{config_dir}/{name}") or "" for name in names]
