{{- define "wasmxds.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* What every object's name begins with; short enough for "-controller" behind it. */ -}}
{{- define "wasmxds.fullname" -}}
{{- $name := include "wasmxds.name" . -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if contains $name .Release.Name -}}{{- $full = .Release.Name -}}{{- end -}}
{{- default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "wasmxds.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "wasmxds.labels" -}}
helm.sh/chart: {{ include "wasmxds.chart" . }}
app.kubernetes.io/name: {{ include "wasmxds.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: wasmxds
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The next take a dict: root, component (controller, webhook or xds). */ -}}
{{- define "wasmxds.component.fullname" -}}
{{ include "wasmxds.fullname" .root }}-{{ .component }}
{{- end -}}

{{- /* The name of what lies in no namespace: two releases of one name in two namespaces do not meet. */ -}}
{{- define "wasmxds.cluster.fullname" -}}
{{- $full := include "wasmxds.component.fullname" . -}}
{{- if eq .root.Release.Namespace .root.Release.Name -}}{{ $full }}{{- else -}}{{ .root.Release.Namespace }}-{{ $full }}{{- end -}}
{{- end -}}

{{- /* Not the name of cert-manager's, so that the mode can be changed. */ -}}
{{- define "wasmxds.webhook.ownSecret" -}}
{{ include "wasmxds.component.fullname" . }}-own
{{- end -}}

{{- define "wasmxds.component.labels" -}}
{{ include "wasmxds.labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "wasmxds.component.account" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.create -}}
{{- default (include "wasmxds.component.fullname" .) $account.name -}}
{{- else -}}
{{- required (printf "%s.serviceAccount.name is needed where create is false" .component) $account.name -}}
{{- end -}}
{{- end -}}
