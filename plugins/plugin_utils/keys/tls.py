# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of the TLS of a site."""

from __future__ import annotations

from .key import ABSOLUTE, Key

_PEM_OR_PATH = rf"(?s)\s*-----BEGIN .*|{ABSOLUTE}"
_DNS = Key(
    "dict",
    "With `acme`, how the names are proved by records in the DNS, which a plugin of certbot writes. They may be wildcards then, and need not lead to"
    " this host.",
    derived="none",
    keys={
        "plugin": Key(
            "str",
            "The plugin, as its package of the distribution is named after `python3-certbot-dns-`.",
            required=True,
            pattern=r"[a-z0-9]{1,40}",
            remedy="write the end of the package's name, such as rfc2136 for python3-certbot-dns-rfc2136",
        ),
        "credentials": Key(
            "map",
            "The values that the plugin has to know, by the names of its manual, such as `dns_rfc2136_secret`. Keep it in a vault. `google` takes the keys of"
            " the JSON file of a service account, and `route53` those of AWS, such as `aws_access_key_id`.",
            default={},
            names=r"[A-Za-z][A-Za-z0-9_:.-]{0,80}",
            pattern=r"(?s).{1,8000}",
            remedy='write {name: "value"} as the manual of the plugin says',
            secret=True,
        ),
        "propagation": Key(
            "int",
            "Seconds between the record and the question of the CA, for providers whose name servers take some time.",
            derived="that of the plugin",
            minimum=0,
            maximum=900,
        ),
    },
)
TLS = Key(
    "dict",
    "TLS of the site, by one of `certificate`, `self_signed` and `acme`. Without one, nginx serves the site over HTTP only.",
    default={},
    keys={
        "certificate": Key(
            "str",
            "The site's own certificate, followed by those of its issuers: PEM text, or the path of a file on the host.",
            pattern=_PEM_OR_PATH,
            remedy="write PEM text, which begins with -----BEGIN CERTIFICATE-----, or an absolute path of the host",
        ),
        "key": Key(
            "str",
            "The private key of `certificate`, without a password: PEM text from a vault, or the path of a file on the host.",
            pattern=_PEM_OR_PATH,
            remedy="write PEM text, which begins with -----BEGIN PRIVATE KEY-----, or an absolute path of the host",
            secret=True,
        ),
        "self_signed": Key(
            "bool",
            "Whether the host makes a certificate by itself. Browsers warn of it, so it is for tests and for the inside of networks.",
            default=False,
        ),
        "acme": Key(
            "bool",
            "Whether the host gets the certificate from a CA by ACME, and renews it by itself. Each name must lead to this host, unless there is `dns`.",
            default=False,
        ),
        "dns": _DNS,
        "client_ca": Key(
            "str",
            "Certificates of the CAs that have signed those of clients, as PEM text: nginx asks clients for a certificate. Flask has its subject as"
            " `REMOTE_USER` where nobody has logged in otherwise.",
            derived="none",
            pattern=r"(?s)\s*-----BEGIN CERTIFICATE-----.*",
            remedy="write PEM text, which begins with -----BEGIN CERTIFICATE-----",
        ),
        "verify": Key(
            "str",
            "With `client_ca`: `required` answers 403 to clients without a certificate, also over plain HTTP; `optional` leaves that to the application.",
            default="required",
            choices=("required", "optional"),
        ),
        "http3": Key(
            "bool",
            "Whether nginx also speaks HTTP/3, over UDP at the port of HTTPS, and tells browsers so (`Alt-Svc`). Needs nginx 1.25 or newer, which Debian"
            " 13 has.",
            default=False,
        ),
        "redirect": Key(
            "bool",
            "Whether nginx redirects plain requests to HTTPS, with status 308, for the names that are in the certificate.",
            default=True,
        ),
        "hsts": Key(
            "int",
            "Seconds for which browsers that have seen the site over HTTPS use nothing else (`Strict-Transport-Security`). 0 sends no such header.",
            derived="63072000, two years; 0 with `self_signed`",
            minimum=0,
            maximum=315360000,
        ),
    },
)
