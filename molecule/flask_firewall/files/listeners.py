"""Listen on ports as the programs of a server do, over IPv4 and IPv6, and answer each client with the number of the port."""

from __future__ import annotations

import selectors
import socket

PORTS = {socket.SOCK_STREAM: (80, 443, 5000, 8000, 9100, 9101), socket.SOCK_DGRAM: (443, 5353)}


def main() -> None:
    selector = selectors.DefaultSelector()
    for kind, ports in PORTS.items():
        for port in ports:
            listener = socket.socket(socket.AF_INET6, kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                listener.listen()
            selector.register(listener, selectors.EVENT_READ, str(port).encode())
    while True:
        for key, _events in selector.select():
            if key.fileobj.type == socket.SOCK_DGRAM:
                _asked, client = key.fileobj.recvfrom(100)
                key.fileobj.sendto(key.data, client)
            else:
                with key.fileobj.accept()[0] as connection:
                    connection.sendall(key.data)


if __name__ == "__main__":
    main()
