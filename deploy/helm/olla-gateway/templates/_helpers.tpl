{{- define "olla-gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "olla-gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 56 | trimSuffix "-" -}}
{{- else if contains (include "olla-gateway.name" .) .Release.Name -}}
{{- .Release.Name | trunc 56 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "olla-gateway.name" .) | trunc 56 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "olla-gateway.selector" -}}
app.kubernetes.io/name: {{ include "olla-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "olla-gateway.valkeySelector" -}}
app.kubernetes.io/name: {{ include "olla-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: valkey
{{- end -}}

{{- define "olla-gateway.labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "olla-gateway.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "olla-gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "olla-gateway.ownValkey" -}}
{{- if and .Values.cluster.enabled (not .Values.cluster.redis) -}}true{{- end -}}
{{- end -}}

{{- /* The configuration file: the user's, with what the chart knows. */ -}}
{{- define "olla-gateway.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $server := get $config "server" | default dict -}}
{{- $_ := set $server "host" "0.0.0.0" -}}
{{- $_ := set $server "port" 40114 -}}
{{- $_ := set $config "server" $server -}}
{{- if .Values.cluster.enabled -}}
{{- $cluster := get $config "cluster" | default dict -}}
{{- $own := printf "redis://%s-valkey:6379" (include "olla-gateway.fullname" .) -}}
{{- $_ := set $cluster "replica_id" "${POD_NAME}" -}}
{{- $_ := set $cluster "redis" (default $own .Values.cluster.redis) -}}
{{- if .Values.cluster.passwordSecret -}}
{{- $_ := set $cluster "password_file" (printf "/run/secrets/olla-gateway/cluster/%s" .Values.cluster.passwordKey) -}}
{{- end -}}
{{- $_ := set $config "cluster" $cluster -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- /* Seconds of a duration such as 90s, 1m30s or 500ms. */ -}}
{{- define "olla-gateway.seconds" -}}
{{- $total := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" (toString .) -1 -}}
{{- $number := regexFind "[0-9.]+" . | float64 -}}
{{- if hasSuffix "ms" . -}}{{- $total = addf $total (divf $number 1000) -}}
{{- else if hasSuffix "s" . -}}{{- $total = addf $total $number -}}
{{- else if hasSuffix "m" . -}}{{- $total = addf $total (mulf $number 60) -}}
{{- else -}}{{- $total = addf $total (mulf $number 3600) -}}
{{- end -}}
{{- end -}}
{{- ceil $total -}}
{{- end -}}

{{- define "olla-gateway.graceSeconds" -}}
{{- $server := get .Values.config "server" | default dict -}}
{{- $delay := include "olla-gateway.seconds" (get $server "shutdown_delay" | default "0s") | float64 -}}
{{- $timeout := include "olla-gateway.seconds" (get $server "shutdown_timeout" | default "10s") | float64 -}}
{{- addf $delay $timeout .Values.terminationMarginSeconds | int -}}
{{- end -}}
