#!/usr/bin/env bash
# Checks the chart on a real API server: usage, from the workspace: sfe-sandbox run -- tests/chart/live.sh HELM
# Nothing runs there: no Pod starts, but every object is validated, stored and authorized as in any cluster.
set -euo pipefail

helm=${1:?usage: tests/chart/live.sh HELM}
: "${KUBECONFIG:?run it in a sandbox: sfe-sandbox run -- tests/chart/live.sh HELM}"
root=$(cd "$(dirname "$0")/../.." && pwd)
chart=$root/charts/stepfunction-endpoint
cases=$root/tests/chart/cases
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HELM_CACHE_HOME=$scratch HELM_CONFIG_HOME=$scratch HELM_DATA_HOME=$scratch
failures=0

fail() {
  echo "failed: $1" >&2
  failures=$((failures + 1))
}

# may NAMESPACE ACCOUNT ANSWER VERB RESOURCE [ARGUMENTS]: whether the operator's account may do it.
may() {
  local namespace=$1 account=$2 expected=$3 answer
  shift 3
  answer=$(kubectl auth can-i "$@" --namespace "$namespace" --as "system:serviceaccount:sfe-system:$account" 2>/dev/null || true)
  [[ $answer == "$expected" ]] || fail "$account in $namespace: can-i $*: ${answer:-no answer}, expected $expected"
}

# The sandbox's own: the chart brings it.
kubectl delete crd stepfunctionendpoints.sfe.dev --ignore-not-found >/dev/null
kubectl create namespace sfe-system >/dev/null
kubectl create namespace team-a >/dev/null
kubectl create namespace team-b >/dev/null
# From now on the API server warns of what the Pod Security Standard "restricted" forbids.
kubectl label namespace sfe-system pod-security.kubernetes.io/warn=restricted >/dev/null

# Each case is what the API server accepts. The ServiceMonitor's kind is the Prometheus operator's and not there.
for values in "$cases"/*.values.yaml; do
  "$helm" template sfe "$chart" --namespace sfe-system --values "$values" --set metrics.serviceMonitor.enabled=false |
    kubectl apply --dry-run=server --validate=strict --warnings-as-errors --filename - >/dev/null || fail "$(basename "$values"): refused"
done

# Installed, it is at rest: what is stored is what was rendered, and a second install changes nothing.
set_up=(--namespace sfe-system)
"$helm" install sfe "$chart" "${set_up[@]}" >/dev/null
# `kubectl wait` gives up on a CustomResourceDefinition that has no conditions yet.
for _ in {1..300}; do
  kubectl get stepfunctionendpoints.sfe.dev --all-namespaces >/dev/null 2>&1 && break
  sleep 0.1
done
"$helm" template sfe "$chart" "${set_up[@]}" | kubectl diff --filename - >"$scratch/diff" || fail "differs after the install: $(cat "$scratch/diff")"
versions() { kubectl get deployment,poddisruptionbudget,serviceaccount,crd,role,rolebinding,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding --all-namespaces --selector app.kubernetes.io/managed-by=Helm \
  --output 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {.metadata.resourceVersion}{"\n"}{end}'; }
versions >"$scratch/before"
"$helm" upgrade sfe "$chart" "${set_up[@]}" >/dev/null
versions | diff "$scratch/before" - || fail "an upgrade to the same changes objects"

# The account of a release for all namespaces.
name=sfe-stepfunction-endpoint
for verb in get list watch patch; do may team-a $name yes $verb stepfunctionendpoints.sfe.dev; done
may team-a $name yes patch stepfunctionendpoints.sfe.dev --subresource=status
for verb in get list watch; do may team-a $name yes $verb configmaps; done
for verb in create patch; do may team-a $name yes $verb events.events.k8s.io; done
may team-a $name yes get namespaces/kube-system
for verb in create update delete deletecollection; do may team-a $name no $verb stepfunctionendpoints.sfe.dev; done
for verb in update get; do may team-a $name no $verb stepfunctionendpoints.sfe.dev --subresource=status; done
for verb in create update patch delete; do may team-a $name no $verb configmaps; done
for verb in get list update delete; do may team-a $name no $verb events.events.k8s.io; done
for resource in secrets pods serviceaccounts leases.coordination.k8s.io deployments.apps roles.rbac.authorization.k8s.io; do
  for verb in get list create update patch delete; do may team-a $name no $verb "$resource"; done
done
# The Lease: its own alone, and only there.
may sfe-system $name yes create leases.coordination.k8s.io
for verb in get patch; do may sfe-system $name yes $verb leases.coordination.k8s.io/stepfunction-endpoint; done
for verb in get patch update delete; do may sfe-system $name no $verb leases.coordination.k8s.io/another; done
for verb in list watch update delete deletecollection; do may sfe-system $name no $verb leases.coordination.k8s.io; done
for verb in get update; do may sfe-system $name no $verb deployments.apps; done
may team-a $name no list namespaces
may team-a $name no get namespaces/team-a
may team-a $name no get customresourcedefinitions.apiextensions.k8s.io
may sfe-system $name no create serviceaccounts --subresource=token

# Two releases for one namespace each, beside it: what has no namespace doesn't meet.
kubectl apply --filename "$root/examples/1-existing-state-machine.yaml" >/dev/null
for team in team-a team-b; do
  "$helm" install one "$chart" --namespace $team-operator --create-namespace --set crds.install=false --set watchNamespace=$team >/dev/null ||
    fail "a release for $team"
  kubectl apply --namespace $team --filename "$root/examples/1-existing-state-machine.yaml" >/dev/null
done
one=one-stepfunction-endpoint
as() { kubectl auth can-i "${@:3}" --as "system:serviceaccount:$1-operator:$one" --namespace "$2" 2>/dev/null || true; }
for verb in create patch; do [[ $(as team-a team-a $verb events.events.k8s.io) == yes ]] || fail "team-a's operator reports in team-a"; done
[[ $(as team-a team-a get configmaps) == yes ]] || fail "team-a's operator reads team-a's ConfigMaps"
for resource in configmaps secrets events.events.k8s.io; do
  for verb in get list create patch delete; do
    [[ $(as team-a team-b $verb $resource) == no ]] || fail "team-a's operator may $verb $resource in team-b"
  done
done
[[ $(as team-a team-a-operator patch leases.coordination.k8s.io/stepfunction-endpoint-team-a) == yes ]] || fail "team-a's operator and its Lease"
[[ $(as team-a team-b create leases.coordination.k8s.io) == no ]] || fail "team-a's operator makes Leases in team-b"
[[ $(as team-a team-a get namespaces/kube-system) == yes ]] || fail "team-a's operator and the cluster's UID"

# Their rights to StepFunctionEndpoints outlive the namespace, so RBAC gives them everywhere, and the admission policy takes all writes elsewhere
# back. The API server takes some seconds until it applies a new policy.
config() { kubectl config view --raw --output "jsonpath={$1}"; }
server=$(config .clusters[0].cluster.server) ca=$(config .clusters[0].cluster.certificate-authority) token=$(config .users[0].user.token)
# change TEAM NAMESPACE finalizers|status: what the API server answers when this team's operator changes it. kubectl would read the status first.
change() {
  local path=$server/apis/sfe.dev/v1alpha1/namespaces/$2/stepfunctionendpoints/trigger patch='{"metadata":{"finalizers":["sfe.dev/aws"]}}'
  [[ $3 != status ]] || path=$path/status patch='{"status":{"url":"https://example.com"}}'
  curl --silent --show-error --cacert "$ca" --header "Authorization: Bearer $token" --header "Impersonate-User: system:serviceaccount:$1-operator:$one" \
    --header 'Content-Type: application/merge-patch+json' --request PATCH --data "$patch" "$path?dryRun=All"
}
for team in team-a team-b; do
  for _ in {1..300}; do
    [[ $(change $team default finalizers) != *"in the namespace $team alone"* ]] || break
    sleep 0.1
  done
done
for pair in 'team-a team-b' 'team-b team-a' 'team-a default' 'team-b default'; do
  read -r team elsewhere <<<"$pair"
  for part in finalizers status; do
    said=$(change "$team" "$elsewhere" $part)
    [[ $said == *"this operator changes StepFunctionEndpoints in the namespace $team alone"* ]] || fail "$team's operator in $elsewhere: $part: $said"
    said=$(change "$team" "$team" $part)
    [[ $said == *'"kind": "StepFunctionEndpoint"'* ]] || fail "$team's operator can't change its $part: $said"
  done
done

# Uninstalled, the CustomResourceDefinition and what was declared stay; the next install takes them over.
"$helm" uninstall sfe --namespace sfe-system >/dev/null
kubectl get --namespace team-a stepfunctionendpoints.sfe.dev trigger >/dev/null || fail "uninstalling deleted a StepFunctionEndpoint"
kubectl get crd stepfunctionendpoints.sfe.dev --output 'jsonpath={.metadata.deletionTimestamp}' | diff /dev/null - ||
  fail "uninstalling deletes the CustomResourceDefinition"
left=$(kubectl get deployment,poddisruptionbudget,serviceaccount,service,role,rolebinding,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding --all-namespaces --output name \
  --selector app.kubernetes.io/instance=sfe)
[[ -z $left ]] || fail "uninstalling left: $left"
"$helm" install sfe "$chart" "${set_up[@]}" >/dev/null || fail "installing again"

[[ $failures -eq 0 ]] || exit 1
echo "chart: all checks on the API server passed"
