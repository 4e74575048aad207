{{- define "wasmxds.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}{{ $image.repository }}@{{ $image.digest }}
{{- else -}}{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}{{- end -}}
{{- end -}}

{{- define "wasmxds.component.selector" -}}
app.kubernetes.io/name: {{ include "wasmxds.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* Whether the volume can be mounted by one node alone: not empty if so. */ -}}
{{- define "wasmxds.oneNode" -}}
{{- if not (or (has "ReadWriteMany" .Values.persistence.accessModes) .Values.persistence.existingClaim) -}}true{{- end -}}
{{- end -}}

{{- /* Keeps the pods that share the volume on one node, where it wants that. */ -}}
{{- define "wasmxds.affinity" -}}
{{- $affinity := deepCopy (index .root.Values .component).affinity -}}
{{- if and .store (include "wasmxds.oneNode" .root) -}}
{{- $beside := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "wasmxds.component.selector" (dict "root" .root "component" "controller") | fromYaml)) -}}
{{- $pods := default dict $affinity.podAffinity -}}
{{- $required := append (default list $pods.requiredDuringSchedulingIgnoredDuringExecution) $beside -}}
{{- $_ := set $pods "requiredDuringSchedulingIgnoredDuringExecution" $required -}}
{{- $_ := set $affinity "podAffinity" $pods -}}
{{- end -}}
{{- if $affinity }}{{ toYaml $affinity }}{{ end -}}
{{- end -}}

{{- /*
Threads that fetch or admit would each keep what malloc has at hand for them, scattered over what a TLS handshake took:
1 MiB a thread that cannot be given back. xds frees and allocates too often to go without.
*/ -}}
{{- define "wasmxds.env" -}}
{{- $env := (index .root.Values .component).extraEnv -}}
{{- $frugal := dict "name" "GLIBC_TUNABLES" "value" "glibc.malloc.tcache_count=0" -}}
{{- $named := false -}}
{{- range $env }}{{ if eq .name $frugal.name }}{{ $named = true }}{{ end }}{{ end -}}
{{- if not (or $named (eq .component "xds")) -}}{{- $env = prepend $env $frugal -}}{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{- /*
A Deployment of one container. Takes a dict: root, component, args, ports (names to numbers; admin is one), volumes and
mounts; token: whether it may ask the API server; store: "write", "read", or "" where it does not mount the volume.
*/ -}}
{{- define "wasmxds.deployment" -}}
{{- $values := index .root.Values .component -}}
{{- $volumes := .volumes -}}
{{- $mounts := .mounts -}}
{{- if .token -}}
{{- $volumes = append $volumes (include "wasmxds.tokenVolume" . | fromYaml) -}}
{{- $mounts = append $mounts (dict "name" "token" "mountPath" "/var/run/secrets/kubernetes.io/serviceaccount" "readOnly" true) -}}
{{- end -}}
{{- if .store -}}
{{- $claim := default (include "wasmxds.fullname" .root) .root.Values.persistence.existingClaim -}}
{{- $volumes = append $volumes (dict "name" "store" "persistentVolumeClaim" (dict "claimName" $claim)) -}}
{{- $mounts = append $mounts (dict "name" "store" "mountPath" "/var/lib/wasmxds" "readOnly" (eq .store "read")) -}}
{{- $volumes = append $volumes (dict "name" "seal-key" "secret" (dict "secretName" (include "wasmxds.sealKeySecret" .root) "defaultMode" 288)) -}}
{{- $mounts = append $mounts (dict "name" "seal-key" "mountPath" "/etc/wasmxds/seal" "readOnly" true) -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "wasmxds.component.fullname" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "wasmxds.component.labels" . | nindent 4 }}
spec:
  replicas: {{ $values.replicaCount }}
  {{- with $values.strategy }}
  strategy:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "wasmxds.component.selector" . | nindent 6 }}
  template:
    metadata:
      # Without the versions, so that a new chart alone replaces no pod.
      labels:
        {{- include "wasmxds.component.selector" . | nindent 8 }}
        {{- with .root.Values.commonLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "wasmxds.component.account" . }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext:
        {{- include "wasmxds.podSecurity" . | nindent 8 }}
      containers:
        - name: {{ .component }}
          image: {{ include "wasmxds.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args:
            - {{ .component }}
            {{- range .args }}
            - {{ . | quote }}
            {{- end }}
            - --log-level={{ .root.Values.log.level }}
            - --log-format={{ .root.Values.log.format }}
            {{- range $values.extraArgs }}
            - {{ . | quote }}
            {{- end }}
          {{- with include "wasmxds.env" . | fromYamlArray }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- range $name, $port := .ports }}
            - {name: {{ $name }}, containerPort: {{ $port }}}
            {{- end }}
          livenessProbe:
            {{- toYaml (mergeOverwrite (dict "httpGet" (dict "path" "/livez" "port" "admin") "failureThreshold" 6) $values.livenessProbe) | nindent 12 }}
          readinessProbe:
            {{- toYaml (mergeOverwrite (dict "httpGet" (dict "path" "/readyz" "port" "admin") "periodSeconds" 5) $values.readinessProbe) | nindent 12 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "wasmxds.containerSecurity" . | nindent 12 }}
          {{- with concat $mounts $values.extraVolumeMounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
      {{- with concat $volumes $values.extraVolumes }}
      volumes:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "wasmxds.affinity" . }}
      affinity:
        {{- . | nindent 8 }}
      {{- end }}
      {{- with $values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- if $values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "wasmxds.component.fullname" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "wasmxds.component.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ $values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "wasmxds.component.selector" . | nindent 6 }}
{{- end }}
{{- end -}}

{{- define "wasmxds.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "wasmxds.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* What the service account's own automatic mount would be, for this pod alone. */ -}}
{{- define "wasmxds.tokenVolume" -}}
name: token
projected:
  defaultMode: 288
  sources:
    - serviceAccountToken: {path: token, expirationSeconds: 3600}
    - configMap:
        name: kube-root-ca.crt
        items: [{key: ca.crt, path: ca.crt}]
    - downwardAPI:
        items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
{{- end -}}

{{- define "wasmxds.sealKeySecret" -}}
{{- default (printf "%s-seal-key" (include "wasmxds.fullname" .)) .Values.sealKey.existingSecret -}}
{{- end -}}

{{- define "wasmxds.moduleRootArg" -}}
--module-root=/var/lib/wasmxds-modules
{{- end -}}

{{- define "wasmxds.sealKeyArg" -}}
--seal-key=/etc/wasmxds/seal/{{ .Values.sealKey.key }}
{{- end -}}
