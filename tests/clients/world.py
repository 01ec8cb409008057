"""What the clients are pointed at: two real runs in a data folder, `dlt up` on it, `dlt-mcp http`
with or without tokens, and an issuer of tokens."""

import contextlib
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

LONGEST_START_S = 60
# Longest that any program may take.
LONGEST_S = 300
ISSUER = "https://idp.example/pool"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def keys():
    key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return {"keys": [{**key, "kid": "one", "use": "sig", "alg": "RS256"}]}


def token():
    """Of an app for itself, as Cognito writes it."""
    now = int(time.time())
    claims = {
        "iss": ISSUER, "sub": "machine", "client_id": "machine", "token_use": "access",
        "scope": "dlt-mcp-gateway/read", "iat": now, "exp": now + 3600,
    }
    return jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "one"})


class Target(http.server.BaseHTTPRequestHandler):
    """Bears the load, and tells the issuer's keys."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps(keys()).encode() if self.path == "/keys" else b"ok"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class World:
    """`api` is the API's address, `test` a scenario, `base` and `run` its runs."""

    def __init__(self, dlt, mcp, home):
        self.mcp = mcp
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/"
        self.env = {**os.environ, "DLT_HOME": home}
        first = self.record([dlt, "run", self.url, "-c", "2", "-d", "2s", "--json"])
        self.test, self.base = first["testId"], first["testRunId"]
        up = [dlt, "up", "--listen", "127.0.0.1:0"]
        self.up = subprocess.Popen(up, env=self.env, stderr=subprocess.DEVNULL)
        self.api = self.address(os.path.join(home, "server.json"))
        again = [dlt, "scenarios", "start", self.test, "--wait", "--json"]
        self.run = self.record(again)["testRunId"]
        baseline = f"{self.api}/scenarios/{self.test}/baseline"
        send("PUT", baseline, {"testRunId": self.base})

    def record(self, command):
        done = subprocess.run(
            command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
            timeout=LONGEST_S,
        )
        return json.loads(done.stdout)

    def address(self, card):
        until = time.monotonic() + LONGEST_START_S
        while time.monotonic() < until and self.up.poll() is None:
            if os.path.exists(card):
                with open(card) as file:
                    return json.load(file)["api"]
            time.sleep(0.1)
        raise SystemExit("dlt up did not come up")

    @contextlib.contextmanager
    def http_server(self, *flags):
        """`dlt-mcp http`; gives its address."""
        command = [self.mcp, "http", "--listen", "127.0.0.1:0", *flags]
        env = {**self.env, "DLT_API_URL": self.api}
        server = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        # A server that says nothing ends, and so does the wait for its word.
        silent = threading.Timer(LONGEST_START_S, server.kill)
        silent.start()
        try:
            for line in server.stderr:
                if found := re.search(r"http://\S+/mcp", line):
                    silent.cancel()
                    yield found[0]
                    return
            raise SystemExit("dlt-mcp http did not come up")
        finally:
            silent.cancel()
            server.terminate()
            server.wait(60)

    def guarded(self):
        """The same for those who have a token."""
        return self.http_server(
            "--issuer", ISSUER, "--jwks-url", f"{self.url}keys", "--allowed-client", "machine"
        )


def send(method, url, body):
    import urllib.request

    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=LONGEST_START_S) as reply:
        assert reply.status == 200, reply.status


@contextlib.contextmanager
def world(dlt, mcp):
    with tempfile.TemporaryDirectory(prefix="dlt-home-") as home:
        made = World(dlt, mcp, home)
        try:
            yield made
        finally:
            made.up.terminate()
            made.up.wait(60)
