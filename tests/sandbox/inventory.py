"""Prints what an endpoint has in AWS, a line each, and nothing if there is nothing: inventory.py [NAMESPACE/NAME]"""

import os
import sys

import boto3

# A sandbox's own endpoint and credentials; see `make sandbox`.
region = os.environ["AWS_REGION"]
wanted = sys.argv[1].split("/") if len(sys.argv) > 1 else None


def client(service):
    return boto3.client(service, region_name=region, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def is_ours(tags):
    owner = [tags.get("sfe.dev/namespace"), tags.get("sfe.dev/name")]
    return "sfe.dev/cluster" in tags and (wanted is None or owner == wanted)


def listed(tags):
    return {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value")) for tag in tags}


gateway, iam, logs, states = client("apigateway"), client("iam"), client("logs"), client("stepfunctions")
for api in gateway.get_rest_apis(limit=500)["items"]:
    if is_ours(api.get("tags", {})):
        print("REST API     ", api["id"], api["name"])
        for stage in gateway.get_stages(restApiId=api["id"])["item"]:
            print("stage        ", api["id"] + "/" + stage["stageName"])
for role in iam.list_roles(PathPrefix="/sfe/")["Roles"]:
    if is_ours(listed(iam.list_role_tags(RoleName=role["RoleName"])["Tags"])):
        print("role         ", role["RoleName"])
for machine in states.list_state_machines()["stateMachines"]:
    arn = machine["stateMachineArn"]
    if is_ours(listed(states.list_tags_for_resource(resourceArn=arn)["tags"])):
        print("state machine", machine["name"])
for group in logs.describe_log_groups()["logGroups"]:
    arn = group["arn"].removesuffix(":*")
    if is_ours(logs.list_tags_for_resource(resourceArn=arn)["tags"]):
        print("log group    ", group["logGroupName"])
