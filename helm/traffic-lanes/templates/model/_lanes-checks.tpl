{{/* Lanes and services are called by what labels and host names take, and YAML takes for a name. */}}
{{- define "traffic-lanes.checks.names" -}}
{{- range $lane, $_ := .Values.lanes.weights }}
{{- with include "traffic-lanes.misread" $lane }}
- lanes.weights: {{ . }}
{{- end }}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" $lane) }}
- lanes.weights: {{ quote $lane }} can't name a lane: lower-case letters, digits and '-', 63 at most, a
  letter or digit at both ends
{{- end }}
{{- end }}
{{- range $name, $service := .Values.services }}
{{- with include "traffic-lanes.misread" $name }}
- services: {{ . }}
{{- end }}
{{- range $version, $_ := $service.versions }}
{{- $lane := hasKey $.Values.lanes.weights $version }}
{{- with ternary "" (include "traffic-lanes.misread" $version) $lane }}
- services.{{ $name }}.versions: {{ . }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" $name) }}
- services: {{ quote $name }} can't name a service: lower-case letters, digits and '-', 40 at most, a
  letter first and no '-' last
{{- end }}
{{- end }}
{{- end -}}

{{/* What is wrong with a name that YAML may have made of something else, from the name; empty: nothing. */}}
{{- define "traffic-lanes.misread" -}}
{{- if regexMatch "^[0-9]+$" . -}}
{{ quote . }} is a number to YAML, and 0123 another one: begin the name with a letter, as in pr-{{ . }}
{{- else if has . (list "true" "false") -}}
{{- $written := ternary "on and yes" "off and no" (eq . "true") -}}
{{ quote . }} is what YAML makes of {{ $written }}: put the name in quotes, or take another one
{{- end -}}
{{- end -}}

{{/* Headers of lanes are no one else's. */}}
{{- define "traffic-lanes.checks.headers" -}}
{{- $taken := list "accept" "authorization" "b3" "baggage" "connection" "cookie" "expect" "forwarded" "host"
      "keep-alive" "origin" "range" "referer" "set-cookie" "te" "trailer" "traceparent" "tracestate"
      "transfer-encoding" "upgrade" "user-agent" "via" "x-request-id" -}}
{{- $lanes := .Values.lanes -}}
{{- $named := dict
      "lanes.header" $lanes.header
      "lanes.enter.header" $lanes.enter.header
      "lanes.respond" $lanes.respond -}}
{{- range $key, $header := $named }}
{{- if and (empty $header) (ne $key "lanes.header") }}
{{- else if not (regexMatch "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" $header) }}
- {{ $key }} {{ quote $header }} can't be one: lower-case letters, digits and '-', 40 at most, a letter
  first
{{- else if or (has $header $taken) (regexMatch "^(accept|content|if|proxy|sec|x-(b3|envoy|forwarded))-" $header) }}
- {{ $key }} {{ quote $header }} has a meaning of its own: take another
{{- end }}
{{- end }}
{{- end -}}

{{/* The label of versions is not one that the chart sets to something else. */}}
{{- define "traffic-lanes.checks.label" -}}
{{- $label := .Values.lanes.label -}}
{{- $taken := append (include "traffic-lanes.ownLabels" . | fromYamlArray) "app.kubernetes.io/managed-by" -}}
{{- if or (hasPrefix "traffic-lanes/" $label) (has $label $taken) }}
- lanes.label: {{ $label }} is the chart's to set, and holds no version: take another
{{- end }}
{{- end -}}

{{/* Labels of pods that hold no version, as a YAML list. */}}
{{- define "traffic-lanes.ownLabels" -}}
[app, app.kubernetes.io/name, app.kubernetes.io/part-of]
{{- end -}}

{{/* The sum of weights. */}}
{{- define "traffic-lanes.sum" -}}
{{- $sum := 0 -}}
{{- range . }}{{ $sum = add $sum . }}{{ end -}}
{{- $sum -}}
{{- end -}}

{{/* The weights are whole, and the baseline has one. */}}
{{- define "traffic-lanes.checks.weights" -}}
{{- $lanes := .Values.lanes -}}
{{- $sum := include "traffic-lanes.sum" $lanes.weights -}}
{{- $weights := list -}}
{{- range $lane, $weight := $lanes.weights -}}
{{- $weights = append $weights (printf "%s: %d" $lane (int $weight)) -}}
{{- end -}}
{{- if ne $sum "100" }}
- lanes.weights add up to {{ $sum }}, not to 100 ({{ join ", " $weights }}); a lane of the chart's own
  values goes away with `<lane>: null`
{{- end }}
{{- if not (hasKey $lanes.weights $lanes.baseline) }}
- lanes.baseline {{ quote $lanes.baseline }} is no lane: lanes.weights has
  {{ keys $lanes.weights | sortAlpha | join ", " }}
{{- end }}
{{- end -}}
