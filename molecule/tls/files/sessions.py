"""Ask sites that require certificates of clients by handshakes for other names, and by sessions that other sites have begun.

Runs on the host. Each of the two sites has a CA of its own, and the second one answers every host, so a handshake need not name it. Prints a
line for each answer to the certificate of the other site's clients.
"""

from __future__ import annotations

import itertools
import re
import socket
import ssl
import sys

# The certificate that belongs to each site.
OWN = {"self.test": "ours", "plain.test": "theirs"}
NAMES = (*OWN, "own.test", "unknown.test", None)


def context(version: ssl.TLSVersion, who: str) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    found.minimum_version = found.maximum_version = version
    found.load_cert_chain(f"/opt/clients/by-{who}.pem", f"/opt/clients/by-{who}.key")
    return found


def ask(client: ssl.SSLContext, name: str | None, host: str, session: ssl.SSLSession | None = None) -> tuple[int, ssl.SSLSession | None]:
    """Return the status, 0 without an answer, and the session.

    :param name: the name of the handshake, ``None`` for none
    """
    answer = b""
    try:
        with client.wrap_socket(socket.create_connection(("127.0.0.1", 443), 120), server_hostname=name, session=session) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            while part := connection.recv(65536):
                answer += part
            session = connection.session
    except OSError:
        pass
    status = re.match(rb"HTTP/1.1 (\d+) ", answer)
    return int(status[1]) if status else 0, session


def main() -> int:
    problems = []
    for version, who in itertools.product((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3), OWN.values()):
        for first, second, host in itertools.product(NAMES, NAMES, OWN):
            client = context(version, who)
            before = ask(client, first, first or host)[1]
            for session in (None, before):
                status = ask(client, second, host, session)[0]
                way = f"{host} by {version.name} and a handshake for {second}{f' after one for {first}' if session else ''}, to {who}"
                if status == 200 and OWN[host] != who:
                    problems.append(f"{way}: 200")
                if second == host and OWN[host] == who and status != 200:
                    problems.append(f"{way}: {status}")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
