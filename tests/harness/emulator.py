"""The emulator of AWS, with what it lacks and the stack's templates need: a few types
of CloudFormation, and the choice of a role by the user's group. Started by emulator.rs;
what a resource was declared with is kept in the working folder, for tests."""

import base64
import json
import os
import pathlib
import uuid

from ministack.app import main
from ministack.core.responses import json_response
from ministack.services import cognito, ec2, ecr, ecs
from ministack.services.cloudformation import provisioners


def keep(logical_id, properties):
    pathlib.Path(f"made-{logical_id}.json").write_text(json.dumps(properties))


def without_effect(logical_id, properties, stack):
    return logical_id, {}


def gateway(logical_id, properties, stack):
    keep(logical_id, properties)
    identifier = f"{properties['Name']}-{uuid.uuid4().hex[:10]}"
    host = f"{identifier}.gateway.bedrock-agentcore.us-east-1.amazonaws.com"
    return identifier, {
        "GatewayIdentifier": identifier,
        "GatewayArn": f"arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/{identifier}",
        "GatewayUrl": f"https://{host}/mcp",
    }


def target(logical_id, properties, stack):
    keep(logical_id, properties)
    return logical_id, {"TargetId": logical_id}


MISSING = {
    "AWS::EC2::SecurityGroupIngress": without_effect,
    "AWS::Cognito::ManagedLoginBranding": without_effect,
    "AWS::BedrockAgentCore::Gateway": gateway,
    "AWS::BedrockAgentCore::GatewayTarget": target,
}
for name, create in MISSING.items():
    provisioners._RESOURCE_HANDLERS.setdefault(name, {
        "create": create,
        "delete": lambda physical_id, properties: None,
    })

record_task_ip = ecs._record_task_ip
interfaces = {}


def record_task_interface(task, container, network):
    """A task's address belongs to a network interface, which has a public one too."""
    record_task_ip(task, container, network)
    for attachment in task.get("attachments", []):
        details = attachment["details"]
        if any(detail["name"] == "networkInterfaceId" for detail in details):
            continue
        [private] = [it["value"] for it in details if it["name"] == "privateIPv4Address"]
        interface = f"eni-{uuid.uuid4().hex[:17]}"
        interfaces[interface] = f"198.51.100.{private.rsplit('.', 1)[-1]}"
        details.append({"name": "networkInterfaceId", "value": interface})


def describe_network_interfaces(parameters):
    asked = [value for name, [value, *_] in parameters.items() if name.startswith("Filter.1.Value.")]
    items = "".join(
        f"<item><networkInterfaceId>{interface}</networkInterfaceId>"
        f"<association><publicIp>{interfaces[interface]}</publicIp></association></item>"
        for interface in asked if interface in interfaces
    )
    return ec2._xml(200, "DescribeNetworkInterfacesResponse",
                    f"<networkInterfaceSet>{items}</networkInterfaceSet>")


ecs._record_task_ip = record_task_interface
ec2._ACTION_MAP["DescribeNetworkInterfaces"] = describe_network_interfaces
put_policy = provisioners._RESOURCE_HANDLERS["AWS::S3::BucketPolicy"]["create"]


def policy_without_tls(logical_id, properties, stack):
    """Nothing here speaks TLS: what would deny everything for that is left out."""
    document = dict(properties["PolicyDocument"])
    document["Statement"] = [
        statement for statement in document["Statement"]
        if "aws:SecureTransport" not in json.dumps(statement.get("Condition", {}))
    ]
    if not document["Statement"]:
        return f"{properties['Bucket']}-policy", {}
    return put_policy(logical_id, {**properties, "PolicyDocument": document}, stack)


provisioners._RESOURCE_HANDLERS["AWS::S3::BucketPolicy"]["create"] = policy_without_tls
delete_policy = provisioners._RESOURCE_HANDLERS["AWS::IoT::Policy"]["delete"]
HELD_POLICIES = pathlib.Path("held-policies")


def policy_that_is_held(physical_id, properties):
    """As AWS does for minutes after the last identity lost it: so often as tests say."""
    left = int(HELD_POLICIES.read_text()) if HELD_POLICIES.exists() else 0
    if left > 0:
        HELD_POLICIES.write_text(str(left - 1))
        raise ValueError(
            "The policy cannot be deleted as the policy is attached to one or more principals "
            f"(name={physical_id}) (Service: Iot, Status Code: 409)")
    delete_policy(physical_id, properties)


provisioners._RESOURCE_HANDLERS["AWS::IoT::Policy"]["delete"] = policy_that_is_held

# A registry of images, with the password that it asks for.
REGISTRY = os.environ.get("TESTS_REGISTRY")
PASSWORD = os.environ.get("TESTS_REGISTRY_PASSWORD", "")


def authorization_token(data):
    return json_response({"authorizationData": [{
        "authorizationToken": base64.b64encode(f"AWS:{PASSWORD}".encode()).decode(),
        "proxyEndpoint": f"http://{REGISTRY}",
    }]})


if REGISTRY:
    ecr._repo_uri = lambda name: f"{REGISTRY}/{name}"
    ecr._get_authorization_token = authorization_token

give_credentials = cognito._get_credentials_for_identity


def role_of_group(pool, logins):
    """The role of the user's first group where the pool says so; none, if it denies.
    The emulator's tokens have no claim for it."""
    mappings = pool.get("_role_mappings", {}).values()
    if not any(mapping.get("Type") == "Token" for mapping in mappings):
        return pool["_roles"].get("authenticated")
    for provider, token in logins.items():
        users = cognito._user_pools[provider.rsplit("/", 1)[-1]]
        groups = cognito._token_claims(token).get("cognito:groups", [])
        groups = [users["_groups"][name] for name in groups]
        groups.sort(key=lambda group: int(group.get("Precedence", 0)))
        if groups:
            return groups[0]["RoleArn"]
    return None


def credentials_by_group(data):
    for pool in cognito._identity_pools.values():
        if data.get("IdentityId") not in pool.get("_identities", {}):
            continue
        role = role_of_group(pool, data.get("Logins") or {})
        if role is None:
            return cognito.error_response_json(
                "NotAuthorizedException", "No role is mapped to this user.", 400)
        roles = pool["_roles"]
        pool["_roles"] = {**roles, "authenticated": role}
        try:
            return give_credentials(data)
        finally:
            pool["_roles"] = roles
    return give_credentials(data)


cognito._get_credentials_for_identity = credentials_by_group
main()
