{{- /*
A role and its binding to a component's account. Takes a dict: root, component, name, rules, and namespace where it is of one.
*/ -}}
{{- define "wasmxds.grant" }}
{{- $kind := empty .namespace | ternary "ClusterRole" "Role" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "wasmxds.component.labels" . | nindent 4 }}
rules:
  {{- .rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "wasmxds.component.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "wasmxds.component.account" . }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}

{{- define "wasmxds.rules.extensions" -}}
- apiGroups: [wasmxds.tetrate.io]
  resources: [wasmextensions]
  verbs: [get, list, watch]
- apiGroups: [wasmxds.tetrate.io]
  resources: [wasmextensions/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "wasmxds.rules.values" -}}
# What plugin_configuration, vm_configuration and pull_secret refer to. Only that is asked for.
- apiGroups: [""]
  resources: [secrets, configmaps]
  verbs: [get, list, watch]
{{- end -}}

{{- /* Takes the Lease's name. */ -}}
{{- define "wasmxds.rules.lease" -}}
# A request to create one carries no name that a rule could be about.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ . }}]
  verbs: [get, update, patch]
{{- end -}}

{{- define "wasmxds.rules.reviews" -}}
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end -}}

{{- /* Takes the configurations' name. */ -}}
{{- define "wasmxds.rules.configurations" -}}
# Its own, to say which authority signs its certificate.
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  resourceNames: [{{ . }}]
  verbs: [get, patch]
{{- end -}}

{{- /* Takes the Secret's name. */ -}}
{{- define "wasmxds.rules.certificate" -}}
# Its certificate, which all its replicas share.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ . }}]
  verbs: [get, patch]
{{- end -}}
