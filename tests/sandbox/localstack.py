"""Starts LocalStack with the few corrections that our mapping templates and tags need, and records what passes through it.

Run by the sandbox with `python -I`, so that this file's own directory isn't searched for the package of the same name.
Everything that isn't corrected here is LocalStack as it was released.

Routes, beside LocalStack's own; lists are oldest first, of what has an index above N:
    GET  /_sandbox/requests?after=N   the requests of integrations:
        [{index, time_ms, request_id, api_id, stage, resource_path, http_method, action, target, body}]
    GET  /_sandbox/calls?after=N      the calls of AWS APIs: [{index, time_ms, service, operation, access_key}]
    GET, PUT /_sandbox/latency        {"ms": 50}
    POST /_sandbox/render             {template, body, params, context, stageVariables} -> {text, status_override, headers}
"""

import base64
import collections
import ctypes
import functools
import itertools
import json
import os
import re
import signal
import stat
import sys
import threading
import time

ENTRIES_MAX = 100_000
BODY_BYTES_KEPT_MAX = 256 * 1024 * 1024
LATENCY_MS_MAX = 60_000


def end_with_the_parent():
    """Two ways, since either alone has a gap: the signal is Linux's only, and standard input is a pipe only where a
    supervisor made it one.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the signal was asked for
    if stat.S_ISFIFO(os.fstat(0).st_mode):

        def wait_for_the_end_of_input():
            while os.read(0, 4096):
                pass
            os._exit(0)

        threading.Thread(target=wait_for_the_end_of_input, daemon=True, name="parent-watch").start()


end_with_the_parent()  # before the imports, which take a second

import airspeed
from airspeed.operators import value_to_string
from localstack.aws import handlers
from localstack.aws.api import CommonServiceException
from localstack.http import Request, Response, route
from localstack.services.apigateway import helpers as apigateway_helpers
from localstack.services.apigateway.legacy.provider import ApigatewayProvider
from localstack.services.apigateway.next_gen.provider import ApigatewayNextGenProvider
from localstack.services.apigateway.next_gen.execute_api import template_mapping
from localstack.services.apigateway.next_gen.execute_api.handlers import parse as apigateway_parse
from localstack.services.apigateway.next_gen.execute_api.handlers.method_request import MethodRequestHandler
from localstack.services.apigateway.next_gen.execute_api.integrations.aws import RestApiAwsIntegration
from localstack.services.edge import ROUTER
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
from moto.apigateway.models import APIGatewayBackend, UsagePlan

# --- corrections to the template engine ---

ESCAPED = re.compile(r"['\"\\/]|[^\x20-\x7f]")
ESCAPED_BY_NAME = {
    "'": "\\'",
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\n": "\\n",
    "\t": "\\t",
    "\f": "\\f",
    "\r": "\\r",
}


def escape_character(match):
    character = match.group()
    if named := ESCAPED_BY_NAME.get(character):
        return named
    utf16 = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{utf16[at]:02X}{utf16[at + 1]:02X}" for at in range(0, len(utf16), 2))


def escape_javascript(_util, value):
    """commons-text's StringEscapeUtils.escapeEcmaScript, which is what API Gateway runs."""
    return ESCAPED.sub(escape_character, value_to_string(value))


def read_input(self, body, params):
    self.value = body
    self.parameters = {source: dict((params or {}).get(source) or {}) for source in ("path", "querystring", "header")}


read_as_json = template_mapping.VelocityInput.json


def read_json(self, path):
    """Answers `""` for a member that is missing, and `null` for one that is null."""
    text = read_as_json(self, path)
    if text != '""':
        return text
    try:
        found = template_mapping.parse(path or "$").find(json.loads(self.value))
    except (TypeError, ValueError):  # no JSON
        return text
    return "null" if [match.value for match in found] == [None] else text


class MethodsByBaseClass(dict):
    """Finds the added methods of a class or of the nearest of its base classes."""

    def get(self, class_, default=None):
        return next((self[base] for base in class_.__mro__ if base in self), default)


# LocalStack's escapeJavaScript is JSON's escaping: apostrophes and slashes stay, non-ASCII is lower case, a blank
# string becomes `{}`, 1 becomes `true`.
template_mapping.VelocityUtilApiGateway.escapeJavaScript = escape_javascript
# LocalStack hands over werkzeug's Headers, whose `get` ignores case and which has no keySet; on AWS all three are plain
# maps, and never null.
template_mapping.VelocityInput.__init__ = read_input
# Jayway's read knows a null that is there from a member that isn't; LocalStack takes either for missing.
template_mapping.VelocityInput.json = read_json
# The same paths are read again and again, and each reading would build its parser anew, which takes 5 ms.
template_mapping.parse = functools.lru_cache(maxsize=1000)(template_mapping.parse)
# LocalStack looks methods up by exact class, so its own string class (each value of $input and $context) has no
# `length`; in Java a value is a String.
airspeed.operators.__additional_methods__ = MethodsByBaseClass(airspeed.operators.__additional_methods__)
METHODS = airspeed.operators.__additional_methods__
for map_class in (dict, template_mapping.VTLMap):
    # Java's Map.containsKey, which LocalStack lacks.
    METHODS[map_class]["containsKey"] = lambda self, key: key in self
    # Java's Map.keySet has `size` and `contains`, which Python's view of the keys lacks.
    METHODS[map_class]["keySet"] = lambda self: list(self)
# Java's List.get takes a number alone: Velocity finds no such method for a name, and reads nothing.
for list_class in (list, template_mapping.VTLJsonList):
    METHODS[list_class]["get"] = lambda self, at: self[at] if isinstance(at, int) and 0 <= at < len(self) else None
# Java's String.equalsIgnoreCase, which LocalStack lacks.
METHODS[str]["equalsIgnoreCase"] = lambda self, other: isinstance(other, str) and self.lower() == other.lower()
# Java's String.endsWith, which LocalStack lacks: the end of `__type` is what tells errors apart.
METHODS[str]["endsWith"] = lambda self, suffix: self.endswith(suffix)
# Java's String.indexOf answers -1 for what isn't there; LocalStack raises.
METHODS[str]["indexOf"] = lambda self, part: self.find(part)

# LocalStack answers bytes, which are no text to a template.
template_mapping.VelocityUtilApiGateway.base64Decode = lambda _util, value: base64.b64decode(value).decode("utf-8", "replace")

# LocalStack parses forms, and writes their bodies anew; API Gateway has the text as it came.
apigateway_parse.restore_payload = lambda request: request.get_data(cache=True)


def keep_body(_chain, context, _response):
    context.request.get_data(cache=True)


handlers.preprocess_request.append(keep_body)

# LocalStack's validator parses the bytes of the body, and answers 500 where they are not UTF-8; API Gateway has text by then, with
# U+FFFD in place of each wrong byte. It also asks for JSON whatever the content type is; API Gateway checks a body of a type that
# has a model alone (developer guide, "Request validation for REST APIs").
is_body_valid = MethodRequestHandler._is_body_valid


def is_text_valid(method, rest_api, request):
    content_type = request["headers"].get("Content-Type", "application/json").split(";")[0].strip()
    models = method.get("requestModels") or {}
    if not (model := models.get(content_type) or models.get("$default")):
        return True
    method = {**method, "requestModels": {"application/json": model}}
    return is_body_valid(method, rest_api, {**request, "body": (request.get("body") or b"").decode("utf-8", "replace")})


MethodRequestHandler._is_body_valid = staticmethod(is_text_valid)

# --- corrections to Step Functions ---


def refuse_incomplete_call(_chain, context, _response):
    """A call without a required member is answered by ValidationException, as every AWS service does; LocalStack's
    Step Functions fails on it with 500.
    """
    if context.service_operation is None or context.service_operation.service != "stepfunctions":
        return
    for name in context.operation.input_shape.required_members:
        if context.service_request.get(name) is None:
            message = f"Value null at '{name}' failed to satisfy constraint: Member must not be null"
            raise CommonServiceException("ValidationException", f"1 validation error detected: {message}")


handlers.serve_custom_service_request_handlers.append(refuse_incomplete_call)


def refuse_wrong_name(_chain, context, _response):
    """StartExecution answers InvalidName to a name with characters that the API reference excludes; LocalStack takes any."""
    if context.service_operation is None or context.service_operation.operation not in ("StartExecution", "StartSyncExecution"):
        return
    name = context.service_request.get("name")
    if name is not None and re.search(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]""", name):
        raise CommonServiceException("InvalidName", f"Invalid Name: '{name}'")


handlers.serve_custom_service_request_handlers.append(refuse_wrong_name)

# --- corrections to tags ---


def tags_of(context, arn):
    """The tags that GetRestApis, GetStages, GetApiKeys and GetUsagePlans answer: they are not those that LocalStack's own
    TagResource and UntagResource write.
    """
    kind, _, identifier = arn.split("::/")[-1].partition("/")
    if kind in ("apikeys", "usageplans"):
        backend = apigateway_helpers.get_moto_backend(context.account_id, context.region)
        tagged = (backend.keys if kind == "apikeys" else backend.usage_plans)[identifier]
        tagged.tags = dict(tagged.tags or {})
        return tagged.tags
    names = arn.split("/restapis/")[-1].split("/")
    api = apigateway_helpers.get_moto_rest_api(context, names[0])
    tagged = api.stages[names[2]] if len(names) == 3 and names[1] == "stages" else api
    tagged.tags = dict(tagged.tags or {})
    return tagged.tags


def tag_resource(_provider, context, resource_arn, tags, **_more):
    tags_of(context, resource_arn).update(tags)


def untag_resource(_provider, context, resource_arn, tag_keys, **_more):
    tags = tags_of(context, resource_arn)
    for key in tag_keys:
        tags.pop(key, None)


ApigatewayProvider.tag_resource = tag_resource
ApigatewayProvider.untag_resource = untag_resource

# --- corrections to API keys and usage plans ---


delete_api_key = APIGatewayBackend.delete_api_key


def delete_api_key_with_its_places(backend, api_key_id):
    """API Gateway takes a key that is deleted out of its plans; LocalStack answers 500 to whoever sends it."""
    delete_api_key(backend, api_key_id)
    for keys in backend.usage_plan_keys.values():
        keys.pop(api_key_id, None)


APIGatewayBackend.delete_api_key = delete_api_key_with_its_places


patch_usage_plan = UsagePlan.apply_patch_operations


def patch_usage_plan_with_numbers(plan, operations):
    """LocalStack keeps the numbers of a quota as texts, which no client can read, and takes no fraction as a rate."""
    numbers = {
        "/throttle/rateLimit": (plan.throttle, "rateLimit", float),
        "/throttle/burstLimit": (plan.throttle, "burstLimit", int),
        "/quota/limit": (plan.quota, "limit", int),
        "/quota/offset": (plan.quota, "offset", int),
    }
    patch_usage_plan(plan, [operation for operation in operations if operation["path"] not in numbers])
    for operation in operations:
        if operation["path"] in numbers:
            settings, name, number = numbers[operation["path"]]
            settings[name] = number(operation["value"])


UsagePlan.apply_patch_operations = patch_usage_plan_with_numbers

# --- a correction to stages ---

SETTINGS_OF_METHODS = re.compile(r"/([^/]+/[A-Z*]+)")
update_stage = ApigatewayNextGenProvider.update_stage


def update_stage_and_remove_settings(provider, context, rest_api_id, stage_name, patch_operations=None, **more):
    """API Gateway removes the settings of one method, and of all beside other changes; LocalStack refuses the former, and leaves
    everything else undone with the latter.
    """
    gone, others = [], []
    for operation in patch_operations or []:
        settings = operation["op"] == "remove" and SETTINGS_OF_METHODS.fullmatch(operation["path"])
        (gone if settings else others).append(settings.group(1) if settings else operation)
    answer = update_stage(provider, context, rest_api_id, stage_name, others, **more)
    stage = apigateway_helpers.get_moto_rest_api(context, rest_api_id).stages[stage_name]
    for key in gone:
        stage.method_settings.pop(key, None)
    return answer


ApigatewayNextGenProvider.update_stage = update_stage_and_remove_settings

# --- a correction to empty templates ---


def without_empty_templates(value):
    """The same answer with null in place of each empty mapping template."""
    if isinstance(value, list):
        return [without_empty_templates(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {media_type: template or None for media_type, template in member.items()}
        if name in ("requestTemplates", "responseTemplates") and isinstance(member, dict)
        else without_empty_templates(member)
        for name, member in value.items()
    }


def return_null_for_empty_templates(_chain, context, response):
    """API Gateway returns null for an empty mapping template (github.com/aws/aws-cli/issues/1610); LocalStack returns the empty text."""
    operation = context.service_operation
    if context.is_internal_call or operation is None or operation.service != "apigateway" or b"Templates" not in response.data:
        return
    response.set_data(json.dumps(without_empty_templates(json.loads(response.data))))


handlers.run_custom_response_handlers.append(return_null_for_empty_templates)

# --- records ---


class Record:
    """Entries with an index that counts from 1. The oldest go once there are too many, or their bodies too large."""

    def __init__(self):
        self.entries = collections.deque()
        self.indexes = itertools.count(1)
        self.body_bytes = 0
        self.lock = threading.Lock()

    def add(self, **entry):
        with self.lock:
            self.entries.append({"index": next(self.indexes), "time_ms": time.time_ns() // 1_000_000, **entry})
            self.body_bytes += len(entry.get("body", ""))
            while len(self.entries) > ENTRIES_MAX or self.body_bytes > BODY_BYTES_KEPT_MAX:
                self.body_bytes -= len(self.entries.popleft().get("body", ""))

    def after(self, index):
        with self.lock:
            return [entry for entry in self.entries if entry["index"] > index]


class Latency:
    ms = 0


REQUESTS = Record()
CALLS = Record()


def record_integration_request(integration, context):
    """The request as the gateway sends it, before Step Functions parses it: DescribeExecution shows its input written
    anew, which hides what isn't exact.
    """
    request = context.integration_request
    uri = integration.parse_aws_integration_uri(request["uri"])
    action = uri["path"] if uri["action_type"] == "action" else None
    REQUESTS.add(
        request_id=context.context_variables["requestId"],
        api_id=context.api_id,
        stage=context.stage,
        resource_path=(context.resource or {}).get("path"),
        http_method=str(context.invocation_request["http_method"]),
        action=action,
        target=action and integration.get_action_service_target(uri["service_name"], action),
        body=(request["body"] or b"").decode("utf-8", "replace"),
    )


invoke = RestApiAwsIntegration.invoke


def invoke_recorded(integration, context):
    record_integration_request(integration, context)
    return invoke(integration, context)


RestApiAwsIntegration.invoke = invoke_recorded


def record_call(_chain, context, _response):
    """Runs for each call of an AWS API, which a stage's invocation is not. Calls that LocalStack makes to itself, an
    integration's included, are left out.
    """
    if context.is_internal_call or context.service_operation is None:
        return
    CALLS.add(
        service=context.service_operation.service,
        operation=context.service_operation.operation,
        access_key=extract_access_key_id_from_auth_header(context.request.headers),
    )
    if Latency.ms:
        time.sleep(Latency.ms / 1000)


handlers.serve_custom_service_request_handlers.append(record_call)

# --- routes ---


def answer(value, status=200):
    return Response(json.dumps(value), status=status, mimetype="application/json")


@route("/_sandbox/requests", methods=["GET"])
def serve_requests(request: Request):
    return answer(REQUESTS.after(request.args.get("after", 0, type=int)))


@route("/_sandbox/calls", methods=["GET"])
def serve_calls(request: Request):
    return answer(CALLS.after(request.args.get("after", 0, type=int)))


@route("/_sandbox/latency", methods=["GET", "PUT"])
def serve_latency(request: Request):
    if request.method == "PUT":
        ms = (request.get_json(force=True, silent=True) or {}).get("ms")
        if not isinstance(ms, int) or not 0 <= ms <= LATENCY_MS_MAX:
            return answer({"error": f"`ms` is not a whole number from 0 to {LATENCY_MS_MAX}: {ms}"}, 400)
        Latency.ms = ms
    return answer({"ms": Latency.ms})


@route("/_sandbox/render", methods=["POST"])
def serve_render(request: Request):
    """One rendering serves requests and responses: LocalStack's two differ only in which overrides they hand back."""
    asked = request.get_json(force=True)
    overrides = {
        "requestOverride": {"header": {}, "path": {}, "querystring": {}},
        "responseOverride": {"header": {}, "status": 0},
    }
    variables = {
        "context": asked.get("context") or {},
        "stageVariables": asked.get("stageVariables") or {},
        "input": {"body": asked.get("body") or "", "params": asked.get("params") or {}},
    }
    try:
        text, override = template_mapping.ApiGatewayVtlTemplate().render_response(
            asked["template"], variables, overrides
        )
    except Exception as error:  # any error of a template is the caller's to see
        return answer({"error": str(error)}, 400)
    status = override["status"]
    # AWS ignores a status that isn't a whole number from 100 to 599.
    is_status = isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599
    headers = {name: str(value) for name, value in override["header"].items()}
    return answer({"text": text, "status_override": status if is_status else None, "headers": headers})


for endpoint in (serve_requests, serve_calls, serve_latency, serve_render):
    ROUTER.add(endpoint)

if __name__ == "__main__":
    from localstack.runtime.main import main

    main()
