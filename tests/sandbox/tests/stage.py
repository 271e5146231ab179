"""Makes a state machine and a REST API whose POST /run starts it with the whole body as its input, invokes it with each
string of the JSON list on standard input, and prints {"api_id": ..., "statuses": [...]}.
"""

import json
import os
import sys
import urllib.error
import urllib.request

import boto3

STAGE = "test"
TEMPLATE = """{"input": "$util.escapeJavaScript($input.body).replaceAll("\\\\'","'")", "stateMachineArn": "%s"}"""
ROLE = "arn:aws:iam::000000000000:role/gateway"


def make_api():
    steps = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
    machine = boto3.client("stepfunctions").create_state_machine(name="m", definition=json.dumps(steps), roleArn=ROLE)
    gateway = boto3.client("apigateway")
    api_id = gateway.create_rest_api(name="a")["id"]
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    resource = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="run")["id"]
    method = {"restApiId": api_id, "resourceId": resource, "httpMethod": "POST"}
    gateway.put_method(**method, authorizationType="NONE")
    gateway.put_integration(
        **method,
        type="AWS",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{os.environ['AWS_REGION']}:states:action/StartExecution",
        credentials=ROLE,
        requestTemplates={"application/json": TEMPLATE % machine["stateMachineArn"]},
        passthroughBehavior="NEVER",
    )
    for status, pattern in (("200", r"2\d{2}"), ("400", "")):
        gateway.put_method_response(**method, statusCode=status)
        gateway.put_integration_response(**method, statusCode=status, selectionPattern=pattern)
    gateway.create_deployment(restApiId=api_id, stageName=STAGE)
    return api_id


def invoke(api_id, body):
    url = f"{os.environ['AWS_ENDPOINT_URL']}/restapis/{api_id}/{STAGE}/_user_request_/run"
    request = urllib.request.Request(
        url, data=body.encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code


def main():
    boto3.setup_default_session(region_name=os.environ["AWS_REGION"])
    api_id = make_api()
    print(json.dumps({"api_id": api_id, "statuses": [invoke(api_id, body) for body in json.load(sys.stdin)]}))


main()
