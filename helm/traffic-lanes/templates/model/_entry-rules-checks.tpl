{{/*
Entry rules lead to lanes, and don't contradict each other.
Usage: {{ include "traffic-lanes.checks.entryRules" . }}
*/}}
{{- define "traffic-lanes.checks.entryRules" -}}
{{- $lanes := .Values.lanes -}}
{{- $enter := $lanes.enter -}}
{{- range $key, $named := dict "lanes" $enter.lanes "match" $enter.match }}
{{- range $lane, $_ := $named }}
{{- if not (hasKey $lanes.weights $lane) }}
- lanes.enter.{{ $key }}: {{ quote $lane }} is no lane: lanes.weights has
  {{ keys $lanes.weights | sortAlpha | join ", " }}; null takes it away
{{- end }}
{{- end }}
{{- end }}
{{- if and $enter.host (not (regexMatch "^[*]([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$" $enter.host)) }}
- lanes.enter.host {{ quote $enter.host }} can't be one: *.preview.example.com, where the * stands for
  the lane's name
{{- end }}
{{- if and $enter.cookie (eq $enter.cookie $lanes.sticky.cookie) }}
- lanes.enter.cookie and lanes.sticky.cookie are both {{ $enter.cookie }}: whom the weights drew would
  enter on purpose, and stay in a lane of weight 0; name them apart
{{- end }}
{{- if $enter.from }}
{{- if $enter.cookie }}
- lanes.enter.from can't be kept for lanes.enter.cookie: an AuthorizationPolicy can't look for one
  cookie among others; open a header or a host instead
{{- end }}
{{- range $lane, $matches := $enter.match }}
{{- range $matches }}
{{- range $name, $how := .headers }}
{{- if $how.regex }}
- lanes.enter.from can't be kept for lanes.enter.match.{{ $lane }}: an AuthorizationPolicy knows no
  regex, and {{ $name }} has one; match it by exact or prefix
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.gateway.parentRefs }}
{{- $rules := include "traffic-lanes.gatewayRules" .Values | fromJsonArray | len }}
{{- if gt $rules 16 }}
- lanes.enter and lanes.sticky: with gateway.parentRefs they make {{ $rules }} rules, and an HTTPRoute
  has 16 at most; name fewer lanes in lanes.enter.lanes, or take an Istio Gateway
{{- end }}
{{- end }}
{{- end -}}
