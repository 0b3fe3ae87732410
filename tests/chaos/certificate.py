"""Print what is wrong with the certificate of the application, nothing if nginx presents the one that is live. Run inside a host."""

from __future__ import annotations

import json
import os
import socket
import ssl
import time

NAME, LIVE = "ledger.test", "/var/lib/flaskops/tls/ledger/live"


def presented() -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", 443), 10) as plain, context.wrap_socket(plain, server_hostname=NAME) as connection:
        return connection.getpeercert(binary_form=True) or b""


def installed() -> bytes:
    with open(f"{LIVE}/fullchain.pem", encoding="utf-8") as file:
        return ssl.PEM_cert_to_DER_cert(file.read().partition("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n")


def main() -> None:
    try:
        with open(f"{LIVE}/meta.json", encoding="utf-8") as file:
            left = json.load(file)["not_after"] - time.time()
        if presented() != installed():
            print(f"nginx presents another certificate than {os.readlink(LIVE)}")
        elif left < 0:
            print(f"the certificate has been due for {-left:.0f} s")
    except OSError as error:
        print(f"no certificate of {NAME}: {error}")


if __name__ == "__main__":
    main()
