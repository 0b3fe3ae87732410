"""Compare the versions of published applications on a host with those that are wanted: python3 - 'JSON of NAME: PACKAGE==VERSION'."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys


def spelled(requirement: str) -> str:
    """Return a requirement as all indexes spell it, without extras."""
    return re.sub(r"[-_.]+", "-", re.sub(r"\[.*\]", "", requirement).lower())


def main() -> int:
    wrong = []
    for name, wanted in json.loads(sys.argv[1]).items():
        found = [
            f"{distribution.name}=={distribution.version}"
            for distribution in importlib.metadata.distributions(path=[f"/srv/flask/{name}/current"])
        ]
        if spelled(wanted) not in map(spelled, found):
            wrong.append(f"{name}: {wanted} should be live, and the release has {found or 'nothing'}")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
