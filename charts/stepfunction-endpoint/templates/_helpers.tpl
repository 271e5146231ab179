{{/* What the names of all objects begin with: at most 63 characters, as some of them become labels. */}}
{{- define "sfe.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of what has no namespace: two releases of one name in two namespaces don't meet there. */}}
{{- define "sfe.clusterName" -}}
{{- printf "%s-%s" (include "sfe.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "sfe.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "sfe.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name is required where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The Lease of all releases that work on the same: `sfe` names it so too. */}}
{{- define "sfe.leaseName" -}}
stepfunction-endpoint{{ with .Values.watchNamespace }}-{{ . }}{{ end }}
{{- end -}}

{{- define "sfe.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sfe.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "sfe.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "sfe.image" -}}
{{- $missing := "image.repository is required: leave it out for the default, or name an image such as registry.example.com/sfe" -}}
{{- $repository := required $missing .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* All arguments of the container. `sfe` refuses a flag that comes twice, so a flag with a value of its own can't be an extra one. */}}
{{- define "sfe.args" -}}
{{- $own := dict
  "--region" "region"
  "--cluster-id" "clusterId"
  "--namespace" "watchNamespace"
  "--lease-duration" "leaderElection.leaseDuration"
  "--lease-renew-deadline" "leaderElection.renewDeadline"
  "--permissions-boundary" "permissionsBoundary"
  "--cloudwatch-role-arn" "cloudwatchRoleArn"
  "--limits" "limits"
  "--namespace-selectors" "namespaceSelectors"
  "--concurrency" "concurrency"
  "--rate-share" "rateShare"
  "--drift-interval" "driftInterval"
  "--stalled-interval" "stalledInterval"
  "--log" "log"
  "--log-format" "logFormat" -}}
- run
{{- with .Values.region }}
- {{ printf "--region=%s" . | quote }}
{{- end }}
{{- with .Values.clusterId }}
- {{ printf "--cluster-id=%s" . | quote }}
{{- end }}
{{- with .Values.watchNamespace }}
{{- if eq . $.Release.Namespace }}
{{- fail (printf "watchNamespace: %s is the release's namespace: deleting it would delete the operator before its AWS objects; install in another namespace" .) }}
{{- end }}
- {{ printf "--namespace=%s" . | quote }}
{{- end }}
- {{ printf "--lease-namespace=%s" .Release.Namespace | quote }}
- {{ printf "--lease-name=%s" (include "sfe.leaseName" .) | quote }}
- {{ printf "--lease-duration=%s" .Values.leaderElection.leaseDuration | quote }}
- {{ printf "--lease-renew-deadline=%s" .Values.leaderElection.renewDeadline | quote }}
{{- with .Values.permissionsBoundary }}
- {{ printf "--permissions-boundary=%s" . | quote }}
{{- end }}
{{- with .Values.cloudwatchRoleArn }}
- {{ printf "--cloudwatch-role-arn=%s" . | quote }}
{{- end }}
{{- if include "sfe.limits" . }}
- "--limits=/etc/sfe/limits.yaml"
{{- end }}
{{- if .Values.namespaceSelectors }}
{{- if .Values.watchNamespace }}
{{- fail "namespaceSelectors: not allowed with watchNamespace, which leaves no other namespace to select" }}
{{- end }}
- "--namespace-selectors"
{{- end }}
- {{ printf "--concurrency=%d" (int .Values.concurrency) | quote }}
- {{ printf "--rate-share=%v" (kindIs "bool" .Values.rateShare | ternary "off" .Values.rateShare) | quote }}
- {{ printf "--drift-interval=%s" .Values.driftInterval | quote }}
- {{ printf "--stalled-interval=%s" .Values.stalledInterval | quote }}
- {{ printf "--log=%s" .Values.log | quote }}
- {{ printf "--log-format=%s" .Values.logFormat | quote }}
{{- range .Values.extraArgs }}
{{- $flag := splitList "=" . | first }}
{{- if has $flag (list "--lease-name" "--lease-namespace" "--leader-election") }}
{{- fail (printf "extraArgs: %s is the chart's own: the operator may use that one Lease" $flag) }}
{{- end }}
{{- with get $own $flag }}
{{- fail (printf "extraArgs: %s has a value of its own: set `%s`" $flag .) }}
{{- end }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The rules as a file, `[]` for none; nothing where `limits` is null. */}}
{{- define "sfe.limits" -}}
{{- if not (kindIs "invalid" .Values.limits) -}}
{{- toYaml .Values.limits -}}
{{- end -}}
{{- end -}}

{{/* The environment. The credentials' own calls, to STS, need a Region as well, and know no flag. */}}
{{- define "sfe.env" -}}
{{- with .Values.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- range .Values.extraEnv }}
{{- if and $.Values.region (eq .name "AWS_REGION") }}
{{- fail "extraEnv: AWS_REGION has a value of its own: set `region`" }}
{{- end }}
- {{ toYaml . | nindent 2 | trim }}
{{- end }}
{{- end -}}

{{/* The StepFunctionEndpoints themselves: what the operator needs until the last finalizer is released. */}}
{{- define "sfe.endpointRules" -}}
# The finalizer is patched on the object, the status on its subresource; the operator never creates or deletes a StepFunctionEndpoint.
- apiGroups: [sfe.dev]
  resources: [stepfunctionendpoints]
  verbs: [get, list, watch, patch]
- apiGroups: [sfe.dev]
  resources: [stepfunctionendpoints/status]
  verbs: [patch]
{{- end -}}

{{/* What is beside the StepFunctionEndpoints. A deletion needs none of it. */}}
{{- define "sfe.besideRules" -}}
# `definitionFrom` and `publish` may name any ConfigMap beside the manifest. The watch sees metadata alone; only what bears an ownerReference to
# the manifest is changed or deleted.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch{{ if .Values.publishConfigMaps }}, create, patch, delete{{ end }}]
{{- if .Values.secrets.enabled }}
# `publish` and `apiKeys` may name any Secret beside the manifest, likewise; none is listed or watched.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* By whose labels `api.allowedRoutes` selects. The watch sees metadata alone. */}}
{{- define "sfe.namespacesRule" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
{{- end -}}

{{/* The Lease, in the namespace of the Pods. What is created has no name yet that could be asked for. */}}
{{- define "sfe.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "sfe.leaseName" . }}]
  verbs: [get, patch]
{{- end -}}

{{/* By whose UID the operator names the cluster. */}}
{{- define "sfe.clusterIdRule" -}}
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
{{- end -}}
