#!/usr/bin/env bash
# The story in one screen: from `kubectl apply` to an HTTP answer with the execution's ARN in status, a change, a deletion. Each step is
# shown as a person would type it, and any that fails ends the demo with its exit code. `make demo` runs it in a sandbox.
set -euo pipefail
cd "$(dirname "$0")/../.."
bold() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Shows a command, then runs it.
step() { printf '$ %s\n' "$1"; eval "$1"; }
# Runs a check until it holds, for at most 20 seconds.
until_holds() {
  local what=$1 deadline=$((SECONDS + 20))
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then echo "demo failed: $what did not happen within 20 s" >&2; exit 1; fi
    sleep 0.2
  done
}
scratch=$(mktemp -d)
# At the default rate limits, as on AWS.
"$SFE_BINARY" run --listen 127.0.0.1:0 --cluster-id demo --log-format text 2>"$scratch/operator.log" &
operator=$!
finish() {
  local code=$?
  kill "$operator" 2>/dev/null && wait "$operator" 2>/dev/null || true
  if ((code != 0)); then echo "demo failed; the operator's log ends:" >&2; tail -n 20 "$scratch/operator.log" >&2; fi
  rm -rf "$scratch"
  exit "$code"
}
trap finish EXIT

bold "1. One manifest: a workflow behind a URL"
step "cat examples/hello.yaml"
step "kubectl apply -f examples/hello.yaml"
step "kubectl wait sfe/hello --for=condition=Ready --timeout=20s"
step "kubectl get sfe"

bold "2. Call it (the sandbox's AWS serves the stage under an address of its own)"
api=$(kubectl get sfe hello -o jsonpath='{.status.api.restApiId}')
url="$AWS_ENDPOINT_URL/restapis/$api/prod/_user_request_"
step "curl -sS --fail-with-body -X POST -H 'Content-Type: application/json' -d '{}' $url/hello"
echo

bold "3. The execution's ARN is in the status"
step "kubectl patch sfe hello --type=merge -p '{\"spec\":{\"executions\":{\"interval\":\"1s\"}}}'"
arn='{.status.executions.recent[0].arn}'
has_arn() { [[ -n $(kubectl get sfe hello -o jsonpath="$arn") ]]; }
until_holds "an execution in the status" has_arn
step "kubectl get sfe hello -o yaml | grep -A 5 'recent:'"

bold "4. A change is served without anyone touching AWS"
changed='{"spec":{"stateMachine":{"definition":"{StartAt: Hello, States: {Hello: {Type: Pass, Result: {greeting: good evening}, End: true}}}"},"routes":[{"path":"/hello","method":"POST","auth":{"type":"NONE"},"responses":{"success":{"status":201}}}]}}'
step "kubectl patch sfe hello --type=merge -p '$changed'"
step "kubectl wait sfe/hello --for=jsonpath='{.status.observedGeneration}'=3 --timeout=20s"
step "kubectl wait sfe/hello --for=condition=Live --timeout=20s"
serves_change() { [[ $(curl -sS -X POST -H 'Content-Type: application/json' -d '{}' -w '%{http_code}' "$url/hello") == '{"greeting":"good evening"}201' ]]; }
until_holds "the changed answer" serves_change
step "curl -sS -w ' (status %{http_code})\n' -X POST -H 'Content-Type: application/json' -d '{}' $url/hello"

bold "5. What is in AWS now, and after deletion"
inventory="$SANDBOX_PYTHON tests/sandbox/inventory.py default/hello"
printf '$ %s\n' "tests/sandbox/inventory.py default/hello"
$inventory
step "kubectl delete sfe hello --timeout=20s"
printf '$ %s\n' "tests/sandbox/inventory.py default/hello"
left=$($inventory)
if [[ -n $left ]]; then printf '%s\ndemo failed: the lines above are left in AWS\n' "$left" >&2; exit 1; fi
echo "(nothing)"
bold "Done: apply, Ready, call, status, change, delete."
