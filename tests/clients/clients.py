"""Clients of others against dlt-mcp, over stdio and over HTTP with a bearer token: the official
Python SDK and the Inspector list and call every tool; then the conformance suite. AWS's model says
what a Gateway accepts. Started by `cargo xtask test --full`, which installs them.

usage: clients.py DLT DLT_MCP [NODE INSPECTOR CONFORMANCE]
"""

import asyncio
import json
import os
import re
import subprocess
import sys

import botocore.session
import httpx2
from botocore.validate import ParamValidator
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from world import LONGEST_S, token, world

HERE = os.path.dirname(os.path.abspath(__file__))


def questions(made):
    one = {"test_id": made.test, "test_run_id": made.run}
    return {
        "list_scenarios": {},
        "get_results": {"test_id": made.test},
        "get_runners": {"detail": "tasks"},
        "get_regional_stacks": {},
        "get_scenario_details": {"test_id": made.test},
        "list_test_runs": {"test_id": made.test},
        "get_test_run": one,
        "get_latest_test_run": {"test_id": made.test},
        "get_baseline_test_run": {"test_id": made.test},
        "get_test_run_artifacts": one,
        "compare_test_runs": {"test_id": made.test, "base": "baseline", "candidate": "latest"},
        "query_latency": {**one, "thresholds_ms": [100]},
        "get_error_breakdown": one,
    }


async def ask(client, made):
    tools = [tool.name for tool in (await client.list_tools()).tools]
    assert sorted(tools) == sorted(questions(made)), tools
    for name, arguments in questions(made).items():
        # The SDK holds the answer against the tool's schema itself.
        result = await client.call_tool(name, arguments)
        assert not result.is_error, (name, result.content)
        assert json.loads(result.content[0].text) == result.structured_content, name
    refused = await client.call_tool("get_results", {"test_id": "nope"})
    assert refused.is_error and "not_found" in refused.content[0].text
    assert len((await client.list_resources()).resources) == 4
    assert len((await client.list_prompts()).prompts) == 5
    await client.read_resource(f"dlt://scenarios/{made.test}/runs/{made.run}")
    return client.protocol_version


async def sdk(made):
    env = {**os.environ, "DLT_API_URL": made.api}
    server = StdioServerParameters(command=made.mcp, args=["stdio"], env=env)
    async with Client(server) as client:
        print("ok SDK over stdio", await ask(client, made))
    async with Client(streamable_http_client(made.api.removesuffix("/api") + "/mcp")) as client:
        print("ok SDK at dlt up", await ask(client, made))
    with made.guarded() as url:
        headers = {"Authorization": f"Bearer {token()}"}
        async with httpx2.AsyncClient(headers=headers) as http:
            async with Client(streamable_http_client(url, http_client=http)) as client:
                print("ok SDK over HTTP with a token", await ask(client, made))


def inspect(node, inspector, made):
    # It hands its own environment to no server.
    stdio = ["-e", f"DLT_API_URL={made.api}", made.mcp, "stdio"]
    with made.guarded() as url:
        bearer = f"Authorization: Bearer {token()}"
        http = ["--server-url", url, "--transport", "http", "--header", bearer]
        for how, place in [("stdio", stdio), ("HTTP with a token", http)]:
            base = [node, inspector, "--cli", *place, "--method"]
            run([*base, "tools/list", "--strict"])
            for name, arguments in questions(made).items():
                call = ["tools/call", "--tool-name", name]
                run([*base, *call, "--tool-args-json", json.dumps(arguments)])
            print("ok Inspector over", how)


def run(command):
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LONGEST_S
    )
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}\n{' '.join(command)}: {done.returncode}")
    return done.stdout


def conform(node, suite, made):
    """What a revision requires; what cannot hold here stands in a baseline, and the suite fails
    if a line of it is stale."""
    chosen = [
        ["--requirements", revision, "--expected-failures", f"{HERE}/conformance-{revision}.yaml"]
        for revision in ["2025-11-25", "2026-07-28"]
    ]
    # Not required yet, but ours.
    chosen.append(["--scenario", "http-header-validation", "--spec-version", "2026-07-28"])
    for choice in chosen:
        # One server each: it lets in so many requests a second, and no more.
        with made.http_server() as url:
            told = run([node, suite, "server", "--url", url, *choice])
        totals = re.findall(r"^Total: .*|^Passed: .*", told, re.MULTILINE)
        print("ok conformance", *choice[:2], *totals[-1:])


def register(made):
    """What a Gateway of AgentCore registers, against AWS's own model of that call, which refuses
    every key that it does not know."""
    tools = json.loads(run([made.mcp, "schema", "--format", "gateway"]))
    function = "arn:aws:lambda:eu-west-1:111122223333:function:dlt-mcp"
    target = {"lambda": {"lambdaArn": function, "toolSchema": {"inlinePayload": tools}}}
    asked = {
        "gatewayIdentifier": "dlt-0123456789",
        "name": "dlt",
        "targetConfiguration": {"mcp": target},
        "credentialProviderConfigurations": [{"credentialProviderType": "GATEWAY_IAM_ROLE"}],
    }
    service = botocore.session.get_session().get_service_model("bedrock-agentcore-control")
    shape = service.operation_model("CreateGatewayTarget").input_shape
    faults = ParamValidator().validate(asked, shape)
    assert not faults.has_errors(), faults.generate_report()
    tools[0]["inputSchema"]["enum"] = ["a"]
    assert ParamValidator().validate(asked, shape).has_errors(), "it looks at schemas"
    print("ok Gateway's registration", len(tools), "tools")


def main():
    dlt, mcp, *others = sys.argv[1:]
    with world(dlt, mcp) as made:
        register(made)
        asyncio.run(asyncio.wait_for(sdk(made), LONGEST_S))
        if others:
            node, inspector, suite = others
            inspect(node, inspector, made)
            conform(node, suite, made)


main()
