#!/usr/bin/env bash
# Checks the chart without a cluster: usage: tests/chart/check.sh HELM
# UPDATE=1 writes cases/*.rendered.yaml anew; the difference is then for a person to read.
set -euo pipefail

helm=${1:?usage: tests/chart/check.sh HELM}
root=$(cd "$(dirname "$0")/../.." && pwd)
chart=$root/charts/stepfunction-endpoint
crd=$root/crds/stepfunctionendpoints.yaml
cases=$root/tests/chart/cases
docs=$root/docs/install.md
version=$(sed -n 's/^version: //p' "$chart/Chart.yaml")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# A person's own Helm settings, plugins and cluster have no part in it.
export HELM_CACHE_HOME=$scratch HELM_CONFIG_HOME=$scratch HELM_DATA_HOME=$scratch KUBECONFIG=/dev/null
failures=0

fail() {
  echo "failed: $1" >&2
  failures=$((failures + 1))
}

render() {
  "$helm" template sfe "$chart" --namespace sfe-system --kube-version v1.30.0 "$@"
}

# refuse TEXT ARGUMENTS: rendering with these arguments fails, and says this.
refuse() {
  local text=$1
  shift
  if render --values "$cases/minimal.values.yaml" "$@" >"$scratch/out" 2>&1; then
    fail "accepted: $*"
  elif ! grep --quiet --fixed-strings -- "$text" "$scratch/out"; then
    fail "refused $* without saying: $text"
    cat "$scratch/out" >&2
  fi
}

for values in "$cases"/*.values.yaml; do
  name=$(basename "$values" .values.yaml)
  "$helm" lint --strict --quiet --values "$values" "$chart" || fail "lint of $name"
  if ! render --values "$values" >"$scratch/$name"; then
    fail "rendering of $name"
    continue
  fi
  [[ -z ${UPDATE:-} ]] || cp "$scratch/$name" "$cases/$name.rendered.yaml"
  diff --unified "$cases/$name.rendered.yaml" "$scratch/$name" || fail "$name renders differently: UPDATE=1 $0 HELM"
done

# Without any values, as Argo CD and `helm template` show a chart first.
"$helm" lint --strict --quiet "$chart" || fail "lint without values"
if render >"$scratch/default"; then
  grep --quiet --fixed-strings "image: \"registry.invalid/sfe:$version\"" "$scratch/default" || fail "the default image is another"
else
  fail "rendering without values"
fi

# The chart of a release names the image and the pages of the repository that publishes it.
if package=$("$root/.github/scripts/package-chart.sh" "$helm" Acme/sfe "$scratch/release" 2>"$scratch/said"); then
  "$helm" lint --strict --quiet "$package" || fail "lint of the packaged chart"
  "$helm" template sfe "$package" --kube-version v1.30.0 >"$scratch/default" || fail "rendering of the packaged chart"
  grep --quiet --fixed-strings "image: \"ghcr.io/acme/sfe:$version\"" "$scratch/default" || fail "the packaged chart names another image"
  "$helm" show all "$package" >"$scratch/shown"
  grep --quiet --line-regexp 'home: https://github.com/Acme/sfe' "$scratch/shown" || fail "the packaged chart names another home"
  ! grep --line-number 'OWNER\|registry\.invalid/' "$scratch/shown" || fail "the packaged chart is not filled in"
else
  fail "packaging: $(cat "$scratch/said")"
fi

# The CustomResourceDefinition: the same file twice, rendered as it is but for the annotation.
cmp "$crd" "$chart/files/stepfunctionendpoints.yaml" || fail "the chart's copy is old: cp $crd $chart/files/"
if render --values "$cases/minimal.values.yaml" --set crds.install=true --show-only templates/crd.yaml >"$scratch/crd"; then
  grep --quiet '^    helm.sh/resource-policy: keep$' "$scratch/crd" || fail "uninstalling would delete the CustomResourceDefinition"
  sed -e '1,/^# Source:/d' -e '/^  annotations:$/d' -e '/^    helm.sh\/resource-policy: keep$/d' -e '/^$/d' "$scratch/crd" >"$scratch/bare"
  sed -e '/^$/d' "$crd" | diff - "$scratch/bare" || fail "the rendered CustomResourceDefinition is another"
else
  fail "rendering of the CustomResourceDefinition"
fi

# The API server drops an empty map or list, so it would differ for ever.
if grep --line-number --extended-regexp ': (\{\}|\[\]|null|"")$' "$cases"/*.rendered.yaml; then
  fail "empty values"
fi

# Each case keeps the Pod's security, whatever its values: lines of the Deployment, each as often as there are containers or Pods.
secure=(
  'automountServiceAccountToken: true'
  'runAsNonRoot: true'
  'type: RuntimeDefault'
  'allowPrivilegeEscalation: false'
  'readOnlyRootFilesystem: true'
  '- ALL'
)
insecure='privileged:|hostNetwork:|hostPID:|hostIPC:|hostPath:|hostPort:|add:|procMount:|runAsUser: 0$'
for values in "$cases"/*.values.yaml; do
  name=$(basename "$values" .values.yaml)
  render --values "$values" --show-only templates/deployment.yaml >"$scratch/deployment"
  for line in "${secure[@]}"; do
    [[ $(grep --count --regexp="^ *$line\$" "$scratch/deployment") == 1 ]] || fail "$name: the Deployment lacks '$line', or says it twice"
  done
  ! grep --line-number --extended-regexp "$insecure" "$scratch/deployment" || fail "$name: the Deployment asks for what it needs not"
  [[ $(grep --count '^        - name: sfe$' "$scratch/deployment") == 1 ]] || fail "$name: another container"
  render --values "$values" --show-only templates/serviceaccount.yaml | grep --quiet '^automountServiceAccountToken: false$' ||
    fail "$name: the ServiceAccount hands out its token unasked"
done

refuse 'image.repository is required' --set image.repository=
refuse "additional properties 'replica' not allowed" --set replica=2
refuse "at '/replicas'" --set replicas=0
refuse "at '/leaderElection/leaseDuration'" --set leaderElection.leaseDuration=1500ms
refuse 'set `leaderElection.leaseDuration`' --set 'extraArgs={--lease-duration=1m}'
refuse '--lease-name is the chart' --set 'extraArgs={--lease-name=mine}'
refuse '--leader-election is the chart' --set 'extraArgs={--leader-election=false}'
refuse "additional properties 'tags' not allowed" --set image.tags=1
refuse "at '/concurrency'" --set concurrency=many
refuse "at '/concurrency'" --set concurrency=0
refuse "at '/rateShare'" --set rateShare=0
refuse "at '/rateShare'" --set rateShare=1.5
refuse "at '/rateShare'" --set rateShare=half
refuse "at '/driftInterval'" --set driftInterval=10
refuse "at '/driftInterval'" --set-json 'driftInterval=10'
refuse "at '/stalledInterval'" --set stalledInterval=soon
refuse "at '/permissionsBoundary'" --set permissionsBoundary=sfe-boundary
refuse "at '/cloudwatchRoleArn'" --set cloudwatchRoleArn=logs
refuse "at '/limits/0'" --set-json 'limits=[{"roles":["*"]}]'
refuse "at '/limits/0/stateMachines/0'" --set-json 'limits=[{"namespaces":["a"],"stateMachines":["orders"]}]'
refuse 'set `limits`' --set 'extraArgs={--limits=/tmp/limits}'
refuse "at '/logFormat'" --set logFormat=xml
refuse "at '/region'" --set region=Frankfurt
refuse "at '/clusterId'" --set-string 'clusterId=a b'
refuse "at '/watchNamespace'" --set watchNamespace=Team_A
refuse "watchNamespace: sfe-system is the release's namespace" --set watchNamespace=sfe-system
refuse 'namespaceSelectors: not allowed with watchNamespace' --set namespaceSelectors=true --set watchNamespace=team
refuse 'set `namespaceSelectors`' --set 'extraArgs={--namespace-selectors=true}'
refuse "at '/image/tag'" --set-json image.tag=1.2
refuse "at '/image/digest'" --set image.digest=latest
refuse "at '/image/repository'" --set image.repository=registry.example.com/sfe:1.2
refuse "at '/extraArgs/0'" --set 'extraArgs={run}'
refuse 'set `region`' --set 'extraArgs={--region=eu-central-1}'
refuse 'set `logFormat`' --set 'extraArgs={--log-format=text}'
refuse "at '/extraEnv/0/value'" --set-json 'extraEnv=[{"name":"A","value":1}]'
refuse 'set `region`' --set region=eu-central-1 --set-json 'extraEnv=[{"name":"AWS_REGION","value":"eu-west-1"}]'
refuse "at '/serviceAccount/annotations/a'" --set-json 'serviceAccount.annotations={"a":1}'
refuse "at '/runAsUser'" --set runAsUser=0
refuse 'serviceAccount.name is required' --set serviceAccount.create=false
refuse 'kubeVersion' --kube-version v1.29.9
render --values "$cases/minimal.values.yaml" --kube-version v1.31.2-eks-7f9249a >/dev/null || fail "a provider's suffix"

# Each value is in the documentation.
sed --quiet 's/^\([a-zA-Z]*\):.*/\1/p' "$chart/values.yaml" | while read -r key; do
  grep --quiet "^|.*\`$key[\`.]" "$docs" || echo "$key"
done >"$scratch/undocumented"
[[ ! -s $scratch/undocumented ]] || fail "values that docs/install.md does not name: $(paste --serial --delimiters=' ' "$scratch/undocumented")"

[[ $failures -eq 0 ]] || exit 1
echo "chart: all checks passed"
