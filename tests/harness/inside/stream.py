"""Read a stream through nginx to its end: python3 stream.py HOST PATH FILE. Writes when each line came and when the stream ended."""

from __future__ import annotations

import http.client
import json
import sys
import time

host, path, file = sys.argv[1:]
with open(file, "w", buffering=1, encoding="utf-8") as output:
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=60)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    try:
        for line in iter(answer.readline, b""):
            output.write(json.dumps([time.time(), line.decode()]) + "\n")
    except http.client.HTTPException:
        pass
    output.write(json.dumps([time.time(), "end"]) + "\n")
