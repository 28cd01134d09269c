{{- define "mir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* The name of the release's objects: the release's name, with the chart's in it once. */ -}}
{{- define "mir.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "mir.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "mir.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mir.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mir.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mir.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "mir.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The metadata that every object has; call with a dict of root, name, and what differs. */ -}}
{{- define "mir.metadata" -}}
name: {{ .name }}
{{- if not .isClusterScoped }}
namespace: {{ default .root.Release.Namespace .namespace }}
{{- end }}
labels:
  {{- include "mir.labels" .root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mir.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mir.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mir.image" -}}
{{- $repository := list .Values.image.registry .Values.image.repository | compact | join "/" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "mir.broker.name" -}}
{{- printf "%s-broker" (include "mir.fullname" .) -}}
{{- end -}}

{{- define "mir.broker.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mir.name" . }}-broker
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mir.broker.credentials" -}}
{{- required (printf "broker.credentialsSecret is empty: make one with `kubectl create secret generic mir-broker -n %s --from-literal=operator-password=… --from-file=devices.passwords`; mosquitto_passwd writes that file" .Release.Namespace) .Values.broker.credentialsSecret -}}
{{- end -}}

{{- /* The broker's address, or an error that says what to set. */ -}}
{{- define "mir.mqttUrl" -}}
{{- if .Values.mqtt.url -}}
{{- .Values.mqtt.url -}}
{{- else if .Values.broker.enabled -}}
{{- printf "mqtt://%s.%s.svc:1883" (include "mir.broker.name" .) .Release.Namespace -}}
{{- else -}}
{{- fail "mqtt.url is empty: set it to your broker, for example --set mqtt.url=mqtts://broker.example:8883; or have one with broker.enabled=true" -}}
{{- end -}}
{{- end -}}

{{- /* The Secret and key of the operator's password at the broker, as JSON; empty: none. */ -}}
{{- define "mir.password" -}}
{{- if .Values.mqtt.passwordSecret.name -}}
{{- toJson .Values.mqtt.passwordSecret -}}
{{- else if .Values.broker.enabled -}}
{{- toJson (dict "name" (include "mir.broker.credentials" .) "key" "operator-password") -}}
{{- end -}}
{{- end -}}

{{- /* The port in mqtt.url, or its scheme's own. */ -}}
{{- define "mir.mqttPort" -}}
{{- $url := urlParse (include "mir.mqttUrl" .) -}}
{{- $port := regexFind ":[0-9]+$" $url.host -}}
{{- if $port -}}
{{- trimPrefix ":" $port -}}
{{- else -}}
{{- get (dict "mqtt" "1883" "mqtts" "8883" "ws" "80" "wss" "443") $url.scheme -}}
{{- end -}}
{{- end -}}

{{- /* Whether this release serves the Mir view; empty: no. One APIService is for all namespaces, so that an operator of one namespace serves none. */ -}}
{{- define "mir.view" -}}
{{- if and .Values.view.enabled (not .Values.config.namespace) -}}true{{- end -}}
{{- end -}}

{{- /* The operator's configuration file. */ -}}
{{- define "mir.config" -}}
{{- $mqtt := .Values.mqtt -}}
{{- $own := dict "mqttUrl" (include "mir.mqttUrl" .) "leaseName" (include "mir.fullname" .) -}}
{{- with default (ternary "mir-operator" "" .Values.broker.enabled) $mqtt.username }}{{- $_ := set $own "mqttUsername" . -}}{{- end -}}
{{- with include "mir.password" . }}{{- $_ := set $own "mqttPasswordFile" (printf "/etc/mir/mqtt-password/%s" (fromJson .).key) -}}{{- end -}}
{{- if $mqtt.caSecret.name }}{{- $_ := set $own "mqttCaFile" (printf "/etc/mir/mqtt-ca/%s" $mqtt.caSecret.key) -}}{{- end -}}
{{- if $mqtt.clientCertSecret.name -}}
{{- $_ := set $own "mqttCertFile" "/etc/mir/mqtt-client/tls.crt" -}}
{{- $_ := set $own "mqttKeyFile" "/etc/mir/mqtt-client/tls.key" -}}
{{- end -}}
{{- if include "mir.view" . }}{{- $_ := set $own "viewAddress" ":8443" -}}{{- end -}}
{{- toYaml (mergeOverwrite $own .Values.config) -}}
{{- end -}}

{{- /* The namespace whose devices are served; empty: all. */ -}}
{{- define "mir.watchNamespace" -}}
{{- default "" .Values.config.namespace -}}
{{- end -}}

{{- define "mir.leaseNamespace" -}}
{{- default .Release.Namespace .Values.config.leaseNamespace -}}
{{- end -}}
