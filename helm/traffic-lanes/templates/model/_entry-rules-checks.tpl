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
- lanes.enter.{{ $key }}: {{ quote $lane }} is not a lane: lanes.weights has
  {{ keys $lanes.weights | sortAlpha | join ", " }}; null takes it away
{{- end }}
{{- end }}
{{- end }}
{{- if and $enter.host (not (regexMatch "^[*]([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$" $enter.host)) }}
- lanes.enter.host {{ quote $enter.host }} is not a host for lanes: *.preview.example.com is one, where the * stands for
  the lane's name
{{- end }}
{{- if and $enter.cookie (eq $enter.cookie $lanes.sticky.cookie) }}
- lanes.enter.cookie and lanes.sticky.cookie are both {{ $enter.cookie }}: a visitor that the weights
  drew would stay in a lane of weight 0; give them different names
{{- end }}
{{- if $enter.from }}
{{- if $enter.cookie }}
- lanes.enter.from has no effect on lanes.enter.cookie: an AuthorizationPolicy cannot match one
  cookie among others; set a header or a host instead
{{- end }}
{{- range $lane, $matches := $enter.match }}
{{- range $matches }}
{{- range $name, $how := .headers }}
{{- if $how.regex }}
- lanes.enter.from has no effect on lanes.enter.match.{{ $lane }}: an AuthorizationPolicy has no
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
