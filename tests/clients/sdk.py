"""The official Python SDK against dlt-mcp: a real run is asked about over stdio
and HTTP, and the Inspector is let loose on the same. Started by `cargo xtask
test --full`, which installs what is imported here.

usage: sdk.py DLT DLT_MCP [NODE INSPECTOR]
"""

import asyncio
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

LONGEST_START_S = 60


class Target(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def service(dlt, home):
    """A run, then `dlt up` on the same folder: process, API, ids."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    env = {**os.environ, "DLT_HOME": home}
    done = subprocess.run(
        [dlt, "run", url, "-c", "2", "-d", "2s", "--json"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
    )
    record = json.loads(done.stdout)
    up = subprocess.Popen(
        [dlt, "up", "--listen", "127.0.0.1:0"], env=env, stderr=subprocess.DEVNULL
    )
    card = os.path.join(home, "server.json")
    until = time.monotonic() + LONGEST_START_S
    while time.monotonic() < until:
        if os.path.exists(card):
            with open(card) as file:
                return up, json.load(file)["api"], record
        time.sleep(0.1)
    raise SystemExit("dlt up did not come up")


def questions(test, run):
    one = {"test_id": test, "test_run_id": run}
    return {
        "list_scenarios": {},
        "get_results": {"test_id": test},
        "get_runners": {"detail": "tasks"},
        "get_regional_stacks": {},
        "get_scenario_details": {"test_id": test},
        "list_test_runs": {"test_id": test},
        "get_test_run": one,
        "get_latest_test_run": {"test_id": test},
        "get_test_run_artifacts": one,
        "query_latency": {**one, "thresholds_ms": [100]},
        "get_error_breakdown": one,
    }


async def ask(client, test, run):
    tools = {tool.name for tool in (await client.list_tools()).tools}
    assert len(tools) == 13, tools
    for name, arguments in questions(test, run).items():
        # The SDK holds the answer against the tool's schema itself.
        result = await client.call_tool(name, arguments)
        assert not result.is_error, (name, result.content)
        assert json.loads(result.content[0].text) == result.structured_content, name
    refused = await client.call_tool("get_results", {"test_id": "nope"})
    assert refused.is_error and "not_found" in refused.content[0].text
    assert len((await client.list_resources()).resources) == 4
    assert len((await client.list_prompts()).prompts) == 5
    await client.read_resource(f"dlt://scenarios/{test}/runs/{run}")
    print("ok", client.protocol_version)


async def sdk(mcp, api, test, run):
    env = {**os.environ, "DLT_API_URL": api}
    server = StdioServerParameters(command=mcp, args=["stdio"], env=env)
    async with Client(server) as client:
        await ask(client, test, run)
    url = api.removesuffix("/api") + "/mcp"
    async with Client(streamable_http_client(url)) as client:
        await ask(client, test, run)


def inspect(node, inspector, mcp, api, test, run):
    # It hands its own environment to no server.
    base = [node, inspector, "--cli", "-e", f"DLT_API_URL={api}", mcp, "stdio", "--method"]
    subprocess.run([*base, "tools/list", "--strict"], check=True, stdout=subprocess.DEVNULL)
    for name, arguments in questions(test, run).items():
        call = [*base, "tools/call", "--tool-name", name, "--tool-args-json"]
        call.append(json.dumps(arguments))
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    print("ok inspector")


def main():
    dlt, mcp, *inspector = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="dlt-home-") as home:
        up, api, record = service(dlt, home)
        ids = record["testId"], record["testRunId"]
        try:
            asyncio.run(sdk(mcp, api, *ids))
            if inspector:
                inspect(*inspector, mcp, api, *ids)
        finally:
            up.terminate()
            up.wait(60)


main()
