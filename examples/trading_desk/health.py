"""Docker's question, asked inside the container without a shell: `python3 -I -S health.py`. The exit code tells."""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
connection.request("GET", "/healthy")
answer = connection.getresponse()
print(answer.read(500).decode())
sys.exit(0 if answer.status == 200 else 1)
