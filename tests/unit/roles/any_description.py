# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Descriptions by chance: keys of the schema with values that it allows, the same for equal seeds."""

from __future__ import annotations

import random
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.key import DURATION, SIZE, URL_PATH, Key

# Values of texts and mappings, by the path of their key. Others come from the schema itself.
_VALUES: dict[str, list[t.Any]] = {
    "server_names": [["a.example.com"], ["b.example.com", "www.b.example.com"], ["*.c.example.com"], ["_"], ["192.0.2.7"], None],
    "backends": [[], [], ["192.0.2.11:8000"], ["192.0.2.11:8000", "[2001:db8::1]:8000"]],
    "canary.backends": [[]],
    "canary.percent": [0],
    "canary.cookie": [""],
    "prefix": ["", "", "/shop", "/a/b.c~d"],
    "tls": [{}, {}, {"self_signed": True}, {"self_signed": True, "redirect": False, "hsts": 60}],
    "headers": [{}, {"X-A": "b c"}, {"x-frame-options": ""}, {"Content-Security-Policy": "default-src 'self'; img-src *"}],
    # Directives that the role writes nowhere: a second one of those is for nginx to refuse.
    "extra": [[], [], ["client_body_timeout 10s;"], ["if ($arg_x) {\n    return 404;\n}"]],
    "template": [None],
    "limit.rate": [None, "10r/s", "1r/m", "999999r/s"],
    "access.allow": [[], ["10.0.0.0/8"], ["all"], ["2001:db8::/32", "192.0.2.1"]],
    "access.deny": [[], ["192.0.2.3"], ["all"]],
    "error_pages": [{}, {}, {"404": "errors/404.html", "502": "down.htm"}],
    "maintenance.page": [None, "closed.html"],
    "maintenance.allow": [[], ["10.0.0.0/8", "2001:db8::1"]],
    "routes[].access": [{}, {}, {"allow": ["10.0.0.0/8"]}, {"deny": ["all"]}],
    "access.basic": [
        None,
        None,
        {"users": {"ada": "correct horse"}},
        {"realm": "Office (2)", "users": {"a@b.c": "12345678", "Bob": "$ \\ 'x' {8}"}},
    ],
    "routes[].cors.origins": [["https://shop.example.com"], ["*"], ["https://a.example.com:8443", "http://b.example.com"]],
    "routes[].extra": [[], [], ["add_header X-Robots-Tag noindex;"], ["limit_rate 1m;"]],
    "routes[].valid": [None, {"200": "10m", "404": "1m"}, {"any": "5s"}],
    "routes[].ignore_cookies": [None, [], ["*"], ["_ga*", "theme"]],
    "routes[].bypass_cookies": [None, None, ["session"], ["a.b%c"]],
    "routes[].bypass_headers": [[], ["X-Shop-Key"]],
    "routes[].directory": ["static", "shop/static/", "a+b@c"],
    "routes[].index": [None, "index.html"],
    "routes[].fallback": [None, "index.html", "pages/app.html"],
    "routes[].to": ["https://example.com$request_uri", "/new", "/x?y=1&z=%20"],
    "routes[].probe": [None, "", "/healthz"],
}
_BY_PATTERN = {DURATION: ["0", "1s", "60", "5m", "2h", "7d", "999999999s"], SIZE: ["1", "8k", "20m", "1G"], URL_PATH: ["/", "/a?b=c"]}
_PREFIXES = [
    "/",
    "/api",
    "/api/",
    "/api/v1",
    "/static/",
    "/100%",
    "/é",
    "/x=y",
    "/.well-known/x",
    "/.hidden",
    "/a,b",
    "/(c)",
]
_REGEXES = [r"\.php$", r"^/(a|b)/[0-9]{1,3}$", r"^/q\x22$", r"^/\w+\\", r"^/x\s", r"/\.git", r"^/(?<year>\d+)/"]


def descriptions(seed: int) -> list[dict[str, t.Any]]:
    """Return one to three applications."""
    rng = random.Random(seed)
    return [
        {"name": f"app{number}", "source": {"path": "."}, "wsgi": "app.py", "nginx": _mapping(rng, (APP.keys or {})["nginx"], "")}
        for number in range(rng.randint(1, 3))
    ]


def _mapping(rng: random.Random, key: Key, path: str) -> dict[str, t.Any]:
    """Return some of the keys of a mapping; those of a route for its mode."""
    keys = dict(key.keys or {})
    made: dict[str, t.Any] = {}
    if key.modes:
        made[key.mode_key] = rng.choice(sorted(key.modes))
        keys.update(key.modes[made[key.mode_key]])
    for name, sub in keys.items():
        if name not in made and (sub.required or rng.random() < 0.4):
            made[name] = _value(rng, sub, f"{path}.{name}".lstrip("."))
    if path == "routes[]":
        made["path"] = rng.choice(_REGEXES if made.get("match") == "regex" else _PREFIXES)
    return {name: value for name, value in made.items() if value is not None}


def _value(rng: random.Random, key: Key, path: str) -> t.Any:
    if path in _VALUES:
        return rng.choice(_VALUES[path])
    if key.keys:
        return _mapping(rng, key, path)
    if key.elements:
        items = [_value(rng, key.elements, f"{path}[]") for _number in range(rng.randint(1, 5))]
        return [item for item in items if item is not None] or None
    if key.choices:
        return rng.choice(key.choices)
    if key.type == "bool":
        return rng.random() < 0.5
    if key.type == "int":
        return rng.choice([key.minimum, key.maximum, key.default])
    if path == "routes[].path":
        return ""
    # A key that is new in the schema is left out until it has values here.
    return rng.choice(_BY_PATTERN.get(key.pattern, [None]))
