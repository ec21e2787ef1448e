{{/*
Provider istio, upstream in sidecar mode: the gateway sets the lane as a baggage member. A lane's subset has its own
pods with the first priority and the baseline's pods with the second.
*/}}
{{- define "traffic-lanes.istio.facts" -}}
title: upstream Istio
api: networking.istio.io/v1
networking: networking.istio.io/v1
security: security.istio.io/v1
routeKind: VirtualService
gatewayHeader: baggage
fallsBack: false
podLabels: []
membership: {{ eq .Values.lanes.mode "permissive" }}
members:
  {{- range $lane, $_ := .Values.lanes.weights }}
  {{ toJson $lane }}: {{ include "traffic-lanes.memberDigits" $lane }}
  {{- end }}
headerPropagation: ""
laneReleases: false
needs:
  - api: networking.istio.io/v1
    say: "mesh.provider istio: the cluster has no Istio 1.22 or later (%s). Install Istio first."
{{- end -}}

{{/*
A lane's digits, as a JSON list: the first eight different digits of the SHA-256 of its name, in hexadecimal. A pod of
the lane has a label for each of them, and a pod of the baseline has a label for each of the sixteen digits. So the
lane's labels select its own pods and the baseline's, and a new lane changes no pod of the baseline. There are 12,870
sets of eight digits, and none contains another.
Usage: {{ include "traffic-lanes.memberDigits" $lane }}
*/}}
{{- define "traffic-lanes.memberDigits" -}}
{{- slice (sha256sum . | splitList "" | uniq) 0 8 | sortAlpha | toJson -}}
{{- end -}}

{{/*
Labels of pods that may answer a lane's requests: the lane's own, and the baseline's.
Usage: {{ include "traffic-lanes.membershipLabels" (dict "model" $model "lane" $lane) }}
*/}}
{{- define "traffic-lanes.membershipLabels" -}}
{{- range ternary (splitList "" "0123456789abcdef") (get .model.mesh.members .lane) (eq .lane .model.baseline) }}
traffic-lanes/{{ . }}: "true"
{{- end -}}
{{- end -}}

{{/*
Membership labels of a version's pods. Only permissive mode needs them. Strict mode has them too, so that a change of
the mode restarts no pod.
Usage: {{ include "traffic-lanes.istio.podLabels" (dict "model" $model "service" $service "version" $version) }}
*/}}
{{- define "traffic-lanes.istio.podLabels" -}}
{{ include "traffic-lanes.membershipLabels" (dict "model" .model "lane" .version) }}
{{- end -}}

{{- define "traffic-lanes.istio.laneHeaders" -}}
{{ include "traffic-lanes.setBaggage" . }}
{{- end -}}

{{- define "traffic-lanes.istio.commonHeaders" }}{{ end -}}

{{- define "traffic-lanes.istio.match" -}}
baggage:
  regex: '{{ include "traffic-lanes.baggageRegex" . }}'
{{- end -}}

{{- define "traffic-lanes.istio.subset" -}}
{{- if and .model.permissive (ne .lane .model.baseline) -}}
labels:
  {{- include "traffic-lanes.membershipLabels" . | trim | nindent 2 }}
trafficPolicy:
  {{- include "traffic-lanes.failoverPolicy" . | nindent 2 }}
{{- else if or (has .lane .service.versions) (not .model.permissive) -}}
{{ include "traffic-lanes.versionLabels" . }}
{{- end -}}
{{- end -}}

{{/*
How a lane's requests fall back to the baseline: the version's own pods first, then the other pods of the subset. Istio
ignores it without outlierDetection, see "traffic-lanes.trafficPolicy".
Usage: {{ include "traffic-lanes.failoverPolicy" (dict "service" $service "lane" $lane) }}
*/}}
{{- define "traffic-lanes.failoverPolicy" -}}
loadBalancer:
  localityLbSetting:
    enabled: true
    failoverPriority:
      - {{ .service.label }}={{ .lane }}
{{- end -}}

{{- define "traffic-lanes.istio.fallback" }}{{ end -}}

{{/*
Retries. Without retryRemoteLocalities they go only to the lane's own pods, even if all of those are dead. A lost node
may have a pod of the lane and a pod of the baseline, each of which may cost a retry, so there are three.
Usage: {{ include "traffic-lanes.istio.retries" (dict "model" $model) }}
*/}}
{{- define "traffic-lanes.istio.retries" -}}
{{- with .model.retryOn -}}
attempts: 3
retryOn: {{ toYaml . }}
retryRemoteLocalities: true
{{- end -}}
{{- end -}}

{{/*
Checks that lanes at one service have different labels, and that an HTTPRoute can express the entry rules.
Usage: {{ include "traffic-lanes.istio.checks" . }}
*/}}
{{- define "traffic-lanes.istio.checks" -}}
{{- $model := .Model -}}
{{- range $service := $model.services }}
{{- $owners := dict }}
{{- range $lane := ternary (without .lanes $model.baseline) list $model.permissive }}
{{- $digits := get $model.mesh.members $lane | toJson }}
{{- with get $owners $digits }}
- services.{{ $service.name }}: the names of lanes {{ . }} and {{ $lane }} give their pods the same labels, so that
  each could answer for the other. Rename one of the lanes.
{{- end }}
{{- $_ := set $owners $digits $lane }}
{{- end }}
{{- end }}
{{- if .Values.gateway.parentRefs }}
{{- range $service := $model.entries }}
{{- range $lane := $service.lanes }}
{{- $backend := printf "%s-lane-%s" $service.name $lane }}
{{- if eq (get $model.namespaces $backend) $service.namespace }}
- services.{{ $backend }} and gateway.parentRefs would both have a Service {{ quote $backend }}. Rename
  the service.
{{- end }}
{{- if gt (len $backend) 63 }}
- gateway.parentRefs needs a Service {{ quote $backend }}, whose name has {{ len $backend }} characters,
  and 63 are allowed. Shorten the name of the service or of the lane.
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.lanes.enter.host }}
- lanes.enter.host: a rule of an HTTPRoute cannot match a host. Set lanes.enter.header or lanes.enter.cookie instead, or
  use an Istio Gateway.
{{- end }}
{{- end }}
{{- end -}}
