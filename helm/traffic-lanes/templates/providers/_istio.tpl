{{/* Provider istio, upstream in sidecar mode: the lane is a member of the baggage from the gateway on,
and a lane's subset holds its own pods and behind them the baseline's. */}}
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
headerPropagation: ""
laneReleases: false
needs:
  - api: networking.istio.io/v1
    say: "mesh.provider istio: the cluster has no Istio 1.22 or later (%s). Install Istio first."
{{- end -}}

{{/*
Label of pods that may answer a lane's requests: the lane's own, or the baseline's.
Usage: {{ include "traffic-lanes.membershipLabel" $lane }}
*/}}
{{- define "traffic-lanes.membershipLabel" -}}
traffic-lanes/{{ . }}
{{- end -}}

{{/*
A label for each lane that a version's pods belong to. That is their own, which stays when a lane leaves strict
mode, and at a permissive baseline every lane that the service has a rule for.
Usage: {{ include "traffic-lanes.istio.podLabels" (dict "model" $model "service" $service "version" $version) }}
*/}}
{{- define "traffic-lanes.istio.podLabels" -}}
{{- $baseline := .model.baseline -}}
{{- $version := .version -}}
{{- range $lane := without .service.lanes $baseline -}}
{{- if or (eq $lane $version) (and $.model.permissive (eq $version $baseline)) }}
{{ include "traffic-lanes.membershipLabel" $lane }}: "true"
{{- end -}}
{{- end -}}
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
  {{ include "traffic-lanes.membershipLabel" .lane }}: "true"
trafficPolicy:
  {{- include "traffic-lanes.failoverPolicy" . | nindent 2 }}
{{- else if or (has .lane .service.versions) (not .model.permissive) -}}
{{ include "traffic-lanes.versionLabels" . }}
{{- end -}}
{{- end -}}

{{/*
How a lane's requests fall back to the baseline: the version's own pods first, then the others of the subset.
Istio applies it only beside outlierDetection, see "traffic-lanes.trafficPolicy".
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
Retries. Without retryRemoteLocalities they stay with the lane's own pods, even when all of those are dead. Three of
them: a lost node may have a pod of the lane and one of the baseline, and each of them costs one. Where a sidecar
answers a call by HTTP with 503, it answers one by gRPC with 200 and the gRPC status `unavailable`.
Usage: {{ include "traffic-lanes.istio.retries" (dict "model" $model "service" $service) }}
*/}}
{{- define "traffic-lanes.istio.retries" -}}
{{- $grpc := and (eq (.service.appProtocol | default "") "grpc") (has "503" (splitList "," .model.retryOn)) -}}
{{- with .model.retryOn -}}
attempts: 3
retryOn: {{ ternary (printf "%s,unavailable" .) . $grpc | toYaml }}
retryRemoteLocalities: true
{{- end -}}
{{- end -}}

{{/*
What an HTTPRoute at the gateway can't express.
Usage: {{ include "traffic-lanes.istio.checks" . }}
*/}}
{{- define "traffic-lanes.istio.checks" -}}
{{- $model := .Model -}}
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
