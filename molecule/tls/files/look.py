"""Ask sites over HTTP and TLS from inside the host, and say which answers are not the expected ones.

The argument is a JSON list of [URL, status, more]; `more` may name the redirect's `to`, the `issuer`, a `header` as [name, value], or the
`protocol` of HTTP. Status 0 is a handshake that the server refuses.
"""

from __future__ import annotations

import json
import subprocess
import sys

FORMAT = "%{http_code} %{http_version} %{redirect_url}"


def ask(url: str) -> tuple[str, str]:
    """Return the last line of curl and the headers, with the certificate's issuer as curl tells it."""
    done = subprocess.run(
        ["curl", "--silent", "--insecure", "--verbose", "--max-time", "120", "--dump-header", "-", "--output", "/dev/null", "--write-out"]
        + [f"\n{FORMAT}", url],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.rpartition("\n")[2], (done.stdout + done.stderr).lower()


def wrong(url: str, status: int, more: dict[str, object]) -> str:
    line, said = ask(url)
    code, protocol, place = [*line.split(" "), "", ""][:3]
    if int(code) != status:
        return f"{url} answered {code}, not {status}"
    if place != more.get("to", place):
        return f"{url} leads to {place}"
    if protocol != more.get("protocol", protocol):
        return f"{url} speaks HTTP {protocol}"
    if "issuer" in more and f"issuer: cn={str(more['issuer']).lower()}" not in said:
        return f"{url} has another issuer: {[text for text in said.splitlines() if 'issuer' in text]}"
    if "header" in more and ": ".join(more["header"]).lower() not in said:
        return f"{url} lacks {more['header']}"
    if "lacks" in more and f"\n{str(more['lacks']).lower()}:" in said:
        return f"{url} has {more['lacks']}"
    return ""


if __name__ == "__main__":
    problems = [problem for url, status, *more in json.loads(sys.argv[1]) if (problem := wrong(url, status, *(more or [{}])))]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)
