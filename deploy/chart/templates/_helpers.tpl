{{- define "clusterprobe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "clusterprobe.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "clusterprobe.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "clusterprobe.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "clusterprobe.selector" -}}
app.kubernetes.io/name: {{ include "clusterprobe.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clusterprobe.labels" -}}
{{ include "clusterprobe.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "clusterprobe.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "clusterprobe.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "clusterprobe.image" -}}
{{- $repository := required "image.repository is needed: the image that you built and pushed, such as registry.example/clusterprobe. None is published (docs/deploy.md, The image)" .Values.image.repository -}}
{{- $registry := default .Values.image.registry (default (dict) .Values.global).imageRegistry -}}
{{- if $registry }}{{ $repository = printf "%s/%s" (trimSuffix "/" $registry) $repository }}{{ end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end }}

{{/* What the pods of the jobs and of the reports have in common: where they run, and what pulls their image. */}}
{{- define "clusterprobe.placing" -}}
{{- with default .Values.imagePullSecrets (default (dict) .Values.global).imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "clusterprobe.claim" -}}
{{- default (include "clusterprobe.fullname" .) .Values.reports.persistence.existingClaim -}}
{{- end }}

{{/* The profile that the jobs run with: what the values say, and what other values imply. */}}
{{- define "clusterprobe.profile" -}}
{{- $profile := deepCopy .Values.profile -}}
{{- if .Values.heartbeat.secretName -}}
{{- $_ := set $profile "heartbeat_url_env" "CLUSTERPROBE_HEARTBEAT_URL" -}}
{{- end -}}
{{- if .Values.active.enabled -}}
{{- $active := merge (dict "namespace" .Values.active.namespace) (default (dict) $profile.active) -}}
{{- $_ := set $profile "active" $active -}}
{{- end -}}
{{- if .Values.reports.openreports -}}
{{- $_ := set $profile "reports" (dict "openreports" .Values.reports.openreports "name" (include "clusterprobe.fullname" .)) -}}
{{- end -}}
{{- toYaml $profile -}}
{{- end }}

{{/* Seconds of a duration such as 90s, 5m or 1h. */}}
{{- define "clusterprobe.seconds" -}}
{{- $amount := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "h" . -}}{{ mul $amount 3600 }}{{- else if hasSuffix "m" . -}}{{ mul $amount 60 }}{{- else -}}{{ $amount }}{{- end -}}
{{- end }}

{{/* The volume of the user's own probes, if there are any. */}}
{{- define "clusterprobe.probesVolume" -}}
{{- if .Values.ownProbes.files -}}
- name: probes
  configMap:
    name: {{ include "clusterprobe.fullname" . }}-probes
    items: # a key has no slash, so that the folder of each file is said here
      {{- range $file, $_ := .Values.ownProbes.files }}
      - {key: {{ $file | replace "/" "." }}, path: {{ $file }}}
      {{- end }}
{{- end }}
{{- end }}

{{/* The pod of a run. Takes a list: the root, and the arguments after `run`. */}}
{{- define "clusterprobe.runPod" -}}
{{- $root := index . 0 -}}
{{- $arguments := index . 1 -}}
{{- with $root -}}
metadata:
  labels:
    {{- include "clusterprobe.selector" . | nindent 4 }}
    app.kubernetes.io/component: run
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .Values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "clusterprobe.serviceAccount" . }}
  {{- if not .Values.serviceAccount.automount }}
  automountServiceAccountToken: false
  {{- end }}
  restartPolicy: Never
  terminationGracePeriodSeconds: 90 # an active run takes away what it made before it ends
  enableServiceLinks: false
  securityContext: {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with include "clusterprobe.placing" . }}{{ . | nindent 2 }}{{ end }}
  {{- with .Values.hostAliases }}
  hostAliases: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.dnsConfig }}
  dnsConfig: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.affinity }}
  affinity: {{- toYaml .Values.affinity | nindent 4 }}
  {{- else if and .Values.reports.persistence.enabled .Values.reports.server.enabled (has "ReadWriteOnce" .Values.reports.persistence.accessModes) }}
  affinity: # a ReadWriteOnce volume is at one node at a time: where the reports are served from
    podAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "clusterprobe.selector" . | nindent 16 }}
                app.kubernetes.io/component: reports
  {{- end }}
  containers:
    - name: clusterprobe
      image: {{ include "clusterprobe.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      workingDir: /data
      args:
        - run
        {{- if .Values.ownProbes.files }}
        - --probes=/etc/clusterprobe-probes
        {{- end }}
        {{- range concat $arguments .Values.extraArgs }}
        - {{ . }}
        {{- end }}
      env:
        - {name: HOME, value: /tmp}
        {{- if .Values.heartbeat.secretName }}
        - name: CLUSTERPROBE_HEARTBEAT_URL
          valueFrom:
            secretKeyRef: {name: {{ .Values.heartbeat.secretName }}, key: {{ .Values.heartbeat.key }}}
        {{- end }}
        {{- with .Values.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with .Values.extraEnvFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext: {{- toYaml .Values.securityContext | nindent 8 }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: profile, mountPath: /etc/clusterprobe, readOnly: true}
        {{- if .Values.ownProbes.files }}
        - {name: probes, mountPath: /etc/clusterprobe-probes, readOnly: true}
        {{- end }}
        - {name: reports, mountPath: /data/reports}
        - {name: tmp, mountPath: /tmp}
        {{- with .Values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - name: profile
      configMap: {name: {{ include "clusterprobe.fullname" . }}}
    {{- with include "clusterprobe.probesVolume" . }}{{ . | nindent 4 }}{{ end }}
    - name: tmp
      emptyDir: {sizeLimit: 256Mi}
    - name: reports
      {{- if .Values.reports.persistence.enabled }}
      persistentVolumeClaim: {claimName: {{ include "clusterprobe.claim" . }}}
      {{- else }}
      emptyDir: {sizeLimit: 256Mi}
      {{- end }}
    {{- with .Values.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}
{{- end }}

{{/* The ids of the probes that the profile selects, as a JSON list: patterns as in the profile, all without any. */}}
{{- define "clusterprobe.selected" -}}
{{- $probes := default (dict) .Values.profile.probes -}}
{{- $wanted := default (list "*") $probes.select -}}
{{- $skipped := default (list) $probes.skip -}}
{{- $found := list -}}
{{- range $id, $_ := (.Files.Get "files/permissions.json" | fromJson).probes -}}
{{- $in := false -}}
{{- range $wanted }}{{- if regexMatch (printf "^%s$" (. | replace "." "\\." | replace "*" ".*" | replace "?" ".")) $id }}{{- $in = true }}{{- end }}{{- end -}}
{{- range $skipped }}{{- if regexMatch (printf "^%s$" (. | replace "." "\\." | replace "*" ".*" | replace "?" ".")) $id }}{{- $in = false }}{{- end }}{{- end -}}
{{- if $in }}{{- $found = append $found $id }}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end }}

{{/* The rules of the least role for them: permissions of one API group and verb together. */}}
{{- define "clusterprobe.rules" -}}
{{- $permissions := .Files.Get "files/permissions.json" | fromJson -}}
{{- $grouped := dict -}}
{{- $all := $permissions.always -}}
{{- range $id := include "clusterprobe.selected" . | fromJsonArray }}{{- $all = concat $all (index $permissions.probes $id) }}{{- end -}}
{{- range $all -}}
{{- $key := printf "%s|%s" .group .verb -}}
{{- $_ := set $grouped $key (append (default (list) (index $grouped $key)) .resource) -}}
{{- end -}}
{{- range $key := keys $grouped | sortAlpha }}
- apiGroups: [{{ index (splitList "|" $key) 0 | quote }}]
  resources: {{ index $grouped $key | uniq | sortAlpha | toJson }}
  verbs: [{{ index (splitList "|" $key) 1 }}]
{{- end -}}
{{- with concat .Values.ownProbes.rules .Values.rbac.extraRules }}
{{ toYaml . }}
{{- end -}}
{{- with .Values.reports.openreports }}
- apiGroups: [openreports.io]
  resources: [clusterreports]
  resourceNames: [{{ include "clusterprobe.fullname" $ }}]
  verbs: [create, patch]
{{- if eq . "namespaces" }}
- apiGroups: [openreports.io]
  resources: [reports]
  resourceNames: [{{ include "clusterprobe.fullname" $ }}]
  verbs: [create, delete, patch]
- apiGroups: [openreports.io]
  resources: [reports]
  verbs: [list]
{{- end -}}
{{- end -}}
{{- end }}

{{/* The namespaces that the profile names without a pattern, as a JSON list. */}}
{{- define "clusterprobe.named" -}}
{{- $named := list -}}
{{- range $_, $environment := .Values.profile.environments }}{{ $named = concat $named $environment.namespaces }}{{ end -}}
{{- range $_, $expected := .Values.profile.expect }}{{ $named = concat $named $expected }}{{ end -}}
{{- $named | toJson -}}
{{- end }}
