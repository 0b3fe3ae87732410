"""Print how many milliseconds the first chunk of each of so many streams took from the application to here: stream.py PORT HOST PATH COUNT."""

import http.client
import json
import sys
import time

port, host, path, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
taken = []
for _number in range(count):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    made = float(answer.readline())
    taken.append((time.time() - made) * 1e3)
    connection.close()
print(json.dumps(taken))
