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

{{- /* The metadata that every object has; call with a dict of root, name, and what differs. `labels` win over those that all have. */ -}}
{{- define "mir.metadata" -}}
name: {{ .name }}
{{- if not .isClusterScoped }}
namespace: {{ default .root.Release.Namespace .namespace }}
{{- end }}
labels:
  {{- toYaml (merge (dict) (default (dict) .labels) (fromYaml (include "mir.labels" .root))) | nindent 2 }}
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

{{- /* What does not go with a broker of the chart's own is an error that says what to do. */ -}}
{{- define "mir.broker.checked" -}}
{{- $mqtt := .Values.mqtt -}}
{{- if $mqtt.url -}}
{{- fail "mqtt.url and broker.enabled=true are two brokers: leave mqtt.url empty, or set broker.enabled=false" -}}
{{- end -}}
{{- if not (has $mqtt.username (list "" "mir-operator")) -}}
{{- fail (printf "mqtt.username=%s with broker.enabled=true: that broker knows the operator as mir-operator; leave mqtt.username empty" $mqtt.username) -}}
{{- end -}}
{{- if $mqtt.passwordSecret.name -}}
{{- fail (printf "mqtt.passwordSecret.name=%s with broker.enabled=true: that broker takes the password operator-password of broker.credentialsSecret; leave mqtt.passwordSecret.name empty" $mqtt.passwordSecret.name) -}}
{{- end -}}
{{- if or $mqtt.caSecret.name $mqtt.clientCertSecret.name -}}
{{- fail "mqtt.caSecret or mqtt.clientCertSecret with broker.enabled=true: the operator reaches that broker within the cluster, by password; leave them empty" -}}
{{- end -}}
{{- if and .Values.broker.tls.clientCertificates (not .Values.broker.tls.enabled) -}}
{{- fail "broker.tls.clientCertificates=true with broker.tls.enabled=false: certificates need TLS; set broker.tls.enabled=true" -}}
{{- end -}}
{{- end -}}

{{- /* The broker's address, or an error that says what to set. */ -}}
{{- define "mir.mqttUrl" -}}
{{- if .Values.broker.enabled }}{{- include "mir.broker.checked" . -}}{{ end -}}
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

{{- /* Whether replicas elect a leader; empty: no. */ -}}
{{- define "mir.leaderElection" -}}
{{- if ne (toString .Values.config.leaderElection) "false" -}}true{{- end -}}
{{- end -}}

{{- /* How pods are replaced, as JSON. Without election two pods would write at one time, so that the old one goes first. */ -}}
{{- define "mir.strategy" -}}
{{- $type := .Values.strategy.type -}}
{{- if not (include "mir.leaderElection" .) -}}
{{- if gt (int .Values.replicaCount) 1 -}}
{{- fail (printf "config.leaderElection=false with replicaCount=%d: each replica would write and publish; set replicaCount=1" (int .Values.replicaCount)) -}}
{{- end -}}
{{- if ne (default "Recreate" $type) "Recreate" -}}
{{- fail (printf "config.leaderElection=false with strategy.type=%s: two pods would write during a roll-out; set strategy.type=Recreate, or leave it out" $type) -}}
{{- end -}}
{{- $type = "Recreate" -}}
{{- end -}}
{{- if eq (default "" $type) "Recreate" -}}
{{- toJson (dict "type" "Recreate" "rollingUpdate" nil) -}}
{{- else -}}
{{- /* The cluster's defaults, spelt out: server-side apply takes away only what the release has set, and Recreate refuses what is left. */ -}}
{{- $rolling := dict "maxSurge" "25%" "maxUnavailable" "25%" -}}
{{- toJson (merge (dict) .Values.strategy (dict "type" "RollingUpdate" "rollingUpdate" $rolling)) -}}
{{- end -}}
{{- end -}}

{{- /* Options by which the chart decides on rights, replicas and access rules. Said elsewhere they would hold for the operator alone. */ -}}
{{- define "mir.extra.checked" -}}
{{- $given := list -}}
{{- range .Values.extraArgs }}{{- $given = append $given (first (splitList "=" (toString .))) -}}{{- end -}}
{{- range .Values.extraEnv }}{{- $given = append $given .name -}}{{- end -}}
{{- if has "--config" $given -}}
{{- fail "--config in extraArgs: the chart's own file would not be read; put the options of yours into config" -}}
{{- end -}}
{{- range $key := list "clusterId" "historyLimit" "leaderElection" "leaseName" "leaseNamespace" "namespace" "provisionNamespace" "topicPrefix" -}}
{{- $flag := kebabcase $key -}}
{{- range list (printf "--%s" $flag) (printf "--no-%s" $flag) (printf "MIR_%s" (upper (snakecase $key))) -}}
{{- if has . $given -}}
{{- fail (printf "%s in extraArgs or extraEnv: the chart would not know of it; set config.%s instead" . $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
