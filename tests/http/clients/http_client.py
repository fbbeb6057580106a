# SPDX-License-Identifier: MIT
#
# Python's http.client: keep-alive, HEAD, bodies in chunks both ways. usage: http_client.py PORT
import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
connection.connect()
first = connection.sock


def ask(method, path, **options):
    connection.request(method, path, **options)
    response = connection.getresponse()
    body = response.read()
    assert connection.sock is first, f"{method} {path} was not on the first connection"
    return response, body


for i in range(20):
    response, body = ask("GET", "/bytes?n=70000")
    assert response.status == 200 and len(body) == 70000

response, body = ask("HEAD", "/bytes?n=70000")
assert response.status == 200 and body == b""
assert response.getheader("Content-Length") == "70000"

response, body = ask("GET", "/stream?chunks=100&ms=0")
assert response.chunked and body.endswith(b"chunk 100\n"), body

pieces = [b"piece %d\n" % i for i in range(1000)]
headers = {"Transfer-Encoding": "chunked"}
response, body = ask("POST", "/echo", body=iter(pieces), headers=headers, encode_chunked=True)
assert response.status == 200 and body == b"".join(pieces)

response, body = ask("POST", "/echo", body=b"x" * 500000)
assert body == b"x" * 500000

for method, path, status in [("GET", "/none", 404), ("PUT", "/", 405), ("HEAD", "/none", 404)]:
    response, body = ask(method, path)
    assert response.status == status and (body != b"") == (method != "HEAD")

connection.request("GET", "/", headers={"Connection": "close"})
response = connection.getresponse()
assert response.read() == b"Hello from finale\n" and response.will_close
connection.close()
print("one connection for all")
