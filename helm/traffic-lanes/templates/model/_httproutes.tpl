{{/*
Rules of an entry's HTTPRoute, as a JSON list in the form of "traffic-lanes.gatewayRules". A release of one lane
has its entry rules only. Hosts of lanes have routes of their own.
Usage: {{ include "traffic-lanes.httpRouteRules" (dict "model" $model "values" .Values
  "virtualHost" $virtualHost "entry" $entry) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.httpRouteRules" -}}
{{- $only := .model.only -}}
{{- $lanes := .values.lanes -}}
{{- if $only -}}
{{- $enter := merge (dict "match" (pick $lanes.enter.match $only)) (omit $lanes.enter "lanes" "match") -}}
{{- $lanes = merge (dict "weights" (dict $only 0) "enter" $enter) (omit $lanes "weights" "enter") -}}
{{- end -}}
{{- $rules := list -}}
{{- $values := dict "lanes" $lanes "gateway" .values.gateway -}}
{{- $context := dict "values" $values "virtualHost" .virtualHost "entry" .entry -}}
{{- range include "traffic-lanes.entryServiceRules" $context | fromJsonArray -}}
{{- $byHost := and .matches (hasKey (first .matches) "host") -}}
{{- if not (or $byHost (and $only .drawn)) }}{{ $rules = append $rules . }}{{ end -}}
{{- end -}}
{{- toJson $rules -}}
{{- end -}}

{{/*
Backend for a lane's requests at the gateway: the Service of the lane's pods, or the baseline's. `service` is a name.
Usage: {{ include "traffic-lanes.backendRef" (dict "model" $model "service" $name "lane" $lane) }}
*/}}
{{- define "traffic-lanes.backendRef" -}}
{{- $service := get .model.entries .service -}}
name: {{ $service.name }}-{{ ternary .lane .model.baseline (has .lane $service.versions) }}
{{- if ne $service.namespace .model.namespace }}
namespace: {{ toYaml $service.namespace }}
{{- end }}
port: {{ $service.port }}
{{- end -}}

{{/*
Filters of an HTTPRoute that put a request into a lane. With `drawn`, chosen by weight, the response sets
the cookie of sticky lanes.
Usage: {{ include "traffic-lanes.laneFilters" (dict "model" $model "values" .Values "lane" $lane "drawn" true) }}
*/}}
{{- define "traffic-lanes.laneFilters" -}}
- type: RequestHeaderModifier
  requestHeaderModifier:
    set:
      - name: baggage
        value: {{ .model.header }}={{ .lane }}
{{- $respond := .values.lanes.respond }}
{{- $cookie := "" }}
{{- if .drawn }}{{ $cookie = include "traffic-lanes.stickyCookie" (dict "values" .values "lane" .lane) }}{{ end }}
{{- if or $respond $cookie }}
- type: ResponseHeaderModifier
  responseHeaderModifier:
    {{- with $respond }}
    set:
      - name: {{ toYaml . }}
        value: {{ toYaml $.lane }}
    {{- end }}
    {{- with $cookie }}
    add:
      - name: set-cookie
        value: {{ . }}
    {{- end }}
{{- end }}
{{- end -}}

{{/*
Conditions of an HTTPRoute's rule, from one of a rule's `matches`.
Usage: {{ include "traffic-lanes.httpRouteMatch" (first $rule.matches) }}
*/}}
{{- define "traffic-lanes.httpRouteMatch" -}}
{{- with .path }}
path:
  type: PathPrefix
  value: {{ toYaml . }}
{{- end }}
{{- with .headers }}
headers:
  {{- range $name, $how := . }}
  - name: {{ toYaml $name }}
    {{- if $how.exact }}
    value: {{ include "traffic-lanes.yaml" $how.exact }}
    {{- else }}
    type: RegularExpression
    {{- $regex := $how.regex | default (printf "%s.*" (default "" $how.prefix | regexQuoteMeta)) }}
    value: {{ include "traffic-lanes.yaml" $regex }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{/*
An HTTPRoute's `hostnames`, from a virtual host; empty where it takes any host.
Usage: {{ include "traffic-lanes.hostnames" $virtualHost | nindent 2 }}
*/}}
{{- define "traffic-lanes.hostnames" -}}
{{- if not (has "*" .hosts) -}}
hostnames:
  {{- toYaml .hosts | nindent 2 }}
{{- end -}}
{{- end -}}

{{/*
Timeouts of an HTTPRoute's rule that leads to a service; empty where it has none.
Usage: {{ include "traffic-lanes.httpRouteTimeouts" $service }}
*/}}
{{- define "traffic-lanes.httpRouteTimeouts" -}}
{{- with (.route | default dict).timeout -}}
timeouts:
  request: {{ . }}
{{- end -}}
{{- end -}}
