{{/* What the release's own resources are called by: the chain as a whole, not a service of it. */}}
{{- define "traffic-lanes.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that every resource carries. */}}
{{- define "traffic-lanes.labels" -}}
app.kubernetes.io/part-of: {{ include "traffic-lanes.name" . | toYaml }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* The newest version of Istio's networking API that the mesh has, from the model. */}}
{{- define "traffic-lanes.networking" -}}
networking.istio.io/{{ ternary "v1beta1" "v1" (eq .provider "asm") }}
{{- end -}}

{{/* The same of its security API. */}}
{{- define "traffic-lanes.security" -}}
security.istio.io/{{ ternary "v1beta1" "v1" (eq .provider "asm") }}
{{- end -}}

{{/* The label of pods that requests of a lane may end at, its own or the baseline's, from the lane's
name. */}}
{{- define "traffic-lanes.membership" -}}
traffic-lanes/{{ . }}
{{- end -}}

{{/* The lanes that pods of a version belong to, a label each (istio, permissive), from {model, service,
version}: their own, and at the baseline all that the service has a rule for. */}}
{{- define "traffic-lanes.memberships" -}}
{{- $baseline := .model.baseline -}}
{{- $version := .version -}}
{{- if and (eq .model.provider "istio") .model.permissive -}}
{{- range $lane := .service.lanes -}}
{{- if and (ne $lane $baseline) (has $version (list $lane $baseline)) }}
{{ include "traffic-lanes.membership" $lane }}: "true"
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Headers by which a hop knows the lane of a request, from {model, lane}. */}}
{{- define "traffic-lanes.match" -}}
{{- if eq .model.provider "asm" -}}
{{ toYaml .model.header }}:
  exact: {{ toYaml .lane }}
{{- else -}}
baggage:
  regex: '{{ include "traffic-lanes.member" . }}'
{{- end -}}
{{- end -}}

{{/* Baggage that has the lane as a member, as a regular expression for the whole of it, from
{model, lane}. */}}
{{- define "traffic-lanes.member" -}}
(.*,)?\s*{{ .model.header }}\s*=\s*{{ .lane }}\s*([;,].*)?
{{- end -}}

{{/* The subset of a service that takes a lane's requests, from {model, service, lane}: the lane's, or the
baseline's where the service has no rule for the lane. */}}
{{- define "traffic-lanes.subset" -}}
{{- ternary .lane .model.baseline (has .lane .service.lanes) -}}
{{- end -}}

{{/* The destinations of a rule of the gateway's, each with its lane's stamp and what the answer says of
it, from {model, values, rule}. */}}
{{- define "traffic-lanes.split" -}}
{{- $model := .model -}}
{{- $rule := .rule -}}
{{- $values := .values -}}
{{- $service := $model.entry -}}
{{- range $name := $rule.lanes }}
{{- $subset := include "traffic-lanes.subset" (dict "model" $model "service" $service "lane" $name) }}
{{- $souvenir := include "traffic-lanes.souvenir" (dict "values" $values "lane" $name) }}
- destination:
    {{- include "traffic-lanes.target" (dict "service" $service "subset" $subset) | nindent 4 }}
  {{- if $rule.drawn }}
  weight: {{ index $values.lanes.weights $name }}
  {{- end }}
  headers:
    request:
      {{- if eq $model.provider "asm" }}
      set:
        {{ toYaml $model.header }}: {{ toYaml $name }}
      {{- else }}
      {{ ternary "add" "set" (default false $rule.kept) }}:
        baggage: {{ $model.header }}={{ $name }}
      {{- end }}
    {{- if or $values.lanes.respond (and $rule.drawn $souvenir) }}
    response:
      {{- with $values.lanes.respond }}
      set:
        {{ toYaml . }}: {{ toYaml $name }}
      {{- end }}
      {{- if and $rule.drawn $souvenir }}
      add:
        set-cookie: {{ $souvenir }}
      {{- end }}
    {{- end }}
  {{- if and (eq $model.provider "asm") $model.permissive (ne $subset $model.baseline) }}
  fallback:
    target:
      {{- include "traffic-lanes.target" (dict "service" $service "subset" $model.baseline) | nindent 6 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Where the gateway sends requests to, from {service, subset}. The port is left out where Istio
finds it by itself: where the Service has one only. */}}
{{- define "traffic-lanes.target" -}}
host: {{ .service.host }}
subset: {{ toYaml .subset }}
{{- with .service.gatewayPort }}
port:
  number: {{ . }}
{{- end }}
{{- end -}}

{{/* How a lane's requests come to the baseline (istio): the version's own pods first, and none that
can't be reached. From {model, lane}. What services answer never counts against a pod, for an error
of a later hop is passed on by healthy ones; the zeros have to be said, or Envoy's own limits hold. */}}
{{- define "traffic-lanes.failover" -}}
loadBalancer:
  localityLbSetting:
    enabled: true
    failoverPriority:
      - {{ .model.label }}={{ .lane }}
outlierDetection:
  splitExternalLocalOriginErrors: true
  consecutiveLocalOriginFailures: 1
  consecutiveGatewayErrors: 0
  consecutive5xxErrors: 0
  interval: 500ms
  baseEjectionTime: 2s
  maxEjectionPercent: 100
  minHealthPercent: 1
{{- end -}}

{{/* The retries of a route (istio), from the model: without retryRemoteLocalities a retry stays with
the lane's own pods, be they all dead. */}}
{{- define "traffic-lanes.retries" -}}
{{- if and (eq .provider "istio") .retryOn -}}
attempts: 2
retryOn: {{ toYaml .retryOn }}
retryRemoteLocalities: true
{{- end -}}
{{- end -}}

{{/* The first host name that the gateway answers for, with `lanes` for its *, from the values; empty
where any will do. */}}
{{- define "traffic-lanes.host" -}}
{{- without .gateway.hosts "*" | first | default "" | replace "*" "lanes" -}}
{{- end -}}

{{/* The gateway's URL by a name or address of it, from {values, model, host}: HTTPS where it has a
certificate, for it redirects plain HTTP then. */}}
{{- define "traffic-lanes.url" -}}
{{- $scheme := ternary "https" "http" (not (empty .values.gateway.tls.secret)) -}}
{{- $port := (first .model.doors).port | int -}}
{{ $scheme }}://{{ .host }}{{ if ne $port (ternary 443 80 (eq $scheme "https")) }}:{{ $port }}{{ end }}/
{{- end -}}

{{/* Host and port of a URL, as curl's --resolve has them. */}}
{{- define "traffic-lanes.at" -}}
{{- $url := urlParse . -}}
{{ $url.host }}{{ if not (regexMatch ":[0-9]+$" $url.host) }}:{{ ternary 443 80 (eq $url.scheme "https") }}{{ end }}
{{- end -}}
