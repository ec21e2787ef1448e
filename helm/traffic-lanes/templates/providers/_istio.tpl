{{/* Provider istio, upstream in sidecar mode: the lane is a member of the baggage from the gateway on,
and a lane's subset holds its own pods and behind them the baseline's. */}}
{{- define "traffic-lanes.istio.facts" -}}
networking: networking.istio.io/v1
security: security.istio.io/v1
hops: VirtualService
stamp: baggage
fallsBack: false
podLabels: []
needs:
  - api: networking.istio.io/v1
    say: "mesh.provider istio: there is no Istio 1.22 or later here (%s): install Istio first"
{{- end -}}

{{/* The label of pods that requests of a lane may end at, its own or the baseline's, from the lane's
name. */}}
{{- define "traffic-lanes.membership" -}}
traffic-lanes/{{ . }}
{{- end -}}

{{/* The lanes that pods of a version belong to, a label each: their own, which leaving strict mode finds there,
and at a permissive baseline all that the service has a rule for. */}}
{{- define "traffic-lanes.istio.podLabels" -}}
{{- $baseline := .model.baseline -}}
{{- $version := .version -}}
{{- range $lane := without .service.lanes $baseline -}}
{{- if or (eq $lane $version) (and $.model.permissive (eq $version $baseline)) }}
{{ include "traffic-lanes.membership" $lane }}: "true"
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "traffic-lanes.istio.stamp" -}}
{{ include "traffic-lanes.baggage" . }}
{{- end -}}

{{- define "traffic-lanes.istio.arrival" }}{{ end -}}

{{- define "traffic-lanes.istio.match" -}}
baggage:
  regex: '{{ include "traffic-lanes.member" . }}'
{{- end -}}

{{- define "traffic-lanes.istio.subset" -}}
{{- if and .model.permissive (ne .lane .model.baseline) -}}
labels:
  {{ include "traffic-lanes.membership" .lane }}: "true"
trafficPolicy:
  {{- include "traffic-lanes.failover" . | nindent 2 }}
{{- else if or (has .lane .service.versions) (not .model.permissive) -}}
{{ include "traffic-lanes.version" . }}
{{- end -}}
{{- end -}}

{{/* How a lane's requests come to the baseline, from {model, lane}: the version's own pods first, and behind
them the others of the subset. Istio minds it where outlierDetection holds, "traffic-lanes.policy" here. */}}
{{- define "traffic-lanes.failover" -}}
loadBalancer:
  localityLbSetting:
    enabled: true
    failoverPriority:
      - {{ .model.label }}={{ .lane }}
{{- end -}}

{{- define "traffic-lanes.istio.fallback" }}{{ end -}}

{{/* Without retryRemoteLocalities a retry stays with the lane's own pods, be they all dead. */}}
{{- define "traffic-lanes.istio.retries" -}}
{{- with .model.retryOn -}}
attempts: 2
retryOn: {{ toYaml . }}
retryRemoteLocalities: true
{{- end -}}
{{- end -}}

{{/* What an HTTPRoute at the gateway has no place for. */}}
{{- define "traffic-lanes.istio.checks" -}}
{{- $model := .Values.model -}}
{{- if .Values.gateway.parentRefs }}
{{- range $service := $model.entries }}
{{- range $lane := $service.lanes }}
{{- $backend := printf "%s-lane-%s" $service.name $lane }}
{{- if eq (get $model.namespaces $backend) $service.namespace }}
- services.{{ $backend }} and gateway.parentRefs would both have a Service {{ quote $backend }}: rename
  the service
{{- end }}
{{- if gt (len $backend) 63 }}
- gateway.parentRefs needs a Service {{ quote $backend }}, whose name has {{ len $backend }} characters
  and may have 63: shorten that of the service or of the lane
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.lanes.enter.host }}
- lanes.enter.host: a rule of an HTTPRoute can't ask for a host; open a header or a cookie instead, or
  take an Istio Gateway
{{- end }}
{{- end }}
{{- end -}}
