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
- lanes.enter.{{ $key }}: {{ quote $lane }} is not a lane. Use one of lanes.weights
  ({{ keys $lanes.weights | sortAlpha | join ", " }}), or remove the key with null.
{{- end }}
{{- end }}
{{- end }}
{{- if and $enter.host (not (regexMatch "^[*]([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$" $enter.host)) }}
- lanes.enter.host: {{ quote $enter.host }} is not a host for lanes. Set a host such as *.preview.example.com, where
  the * stands for the lane's name.
{{- end }}
{{- if and $enter.cookie (eq $enter.cookie $lanes.sticky.cookie) }}
- lanes.enter.cookie and lanes.sticky.cookie are both {{ $enter.cookie }}, so a visitor would stay in a
  lane whose weight is 0 by now. Give the cookies different names.
{{- end }}
{{- if $enter.from }}
{{- if $enter.cookie }}
- lanes.enter.from has no effect on lanes.enter.cookie: an AuthorizationPolicy cannot match one cookie among
  others. Set lanes.enter.header or lanes.enter.host instead.
{{- end }}
{{- range $lane, $matches := $enter.match }}
{{- range $matches }}
{{- range $name, $how := .headers }}
{{- if $how.regex }}
- lanes.enter.from has no effect on lanes.enter.match.{{ $lane }}: an AuthorizationPolicy has no
  regular expressions, and {{ $name }} has one. Match it by exact or prefix.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.gateway.parentRefs }}
{{- $rules := include "traffic-lanes.gatewayRules" .Values | fromJsonArray | len }}
{{- if gt $rules 16 }}
- lanes.enter and lanes.sticky make {{ $rules }} rules, and an HTTPRoute of gateway.parentRefs has at most 16.
  Name fewer lanes in lanes.enter.lanes, or use an Istio Gateway (mesh.provider istio).
{{- end }}
{{- end }}
{{- end -}}
