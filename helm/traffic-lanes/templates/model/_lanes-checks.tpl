{{/*
Names of lanes and services are valid in labels and host names, and YAML reads them as strings.
Usage: {{ include "traffic-lanes.checks.names" . }}
*/}}
{{- define "traffic-lanes.checks.names" -}}
{{- range $lane, $_ := .Values.lanes.weights }}
{{- with include "traffic-lanes.misreadName" $lane }}
- lanes.weights: {{ . }}
{{- end }}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" $lane) }}
- lanes.weights: {{ quote $lane }} is not a name for a lane: use lower-case letters, digits and '-', 63 at most, a
  letter or digit at both ends
{{- end }}
{{- end }}
{{- range $name, $service := .Values.services }}
{{- with include "traffic-lanes.misreadName" $name }}
- services: {{ . }}
{{- end }}
{{- range $version, $_ := $service.versions }}
{{- $lane := hasKey $.Values.lanes.weights $version }}
{{- with ternary "" (include "traffic-lanes.misreadName" $version) $lane }}
- services.{{ $name }}.versions: {{ . }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" $name) }}
- services: {{ quote $name }} is not a name for a service: use lower-case letters, digits and '-', 40 at most, a
  letter first and no '-' last
{{- end }}
{{- end }}
{{- end -}}

{{/*
What is wrong with a name that YAML may have read as another value; empty: nothing.
Usage: {{ include "traffic-lanes.misreadName" $name }}
*/}}
{{- define "traffic-lanes.misreadName" -}}
{{- if regexMatch "^[0-9]+$" . -}}
{{ quote . }} is a number to YAML, and 0123 another one: begin the name with a letter, as in pr-{{ . }}
{{- else if has . (list "true" "false") -}}
{{- $written := ternary "on and yes" "off and no" (eq . "true") -}}
{{ quote . }} is what YAML makes of {{ $written }}: put the name in quotes, or take another one
{{- end -}}
{{- end -}}

{{/*
Headers of lanes have no other meaning.
Usage: {{ include "traffic-lanes.checks.headers" . }}
*/}}
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

{{/*
The label of versions is not one that the chart sets to something else.
Usage: {{ include "traffic-lanes.checks.label" . }}
*/}}
{{- define "traffic-lanes.checks.label" -}}
{{- $taken := append (include "traffic-lanes.unversionedLabels" . | fromYamlArray) "app.kubernetes.io/managed-by" -}}
{{- $labels := dict "lanes.label" .Values.lanes.label "defaults.versionLabel" .Values.defaults.versionLabel -}}
{{- range $name, $service := .Values.services -}}
{{- $_ := set $labels (printf "services.%s.versionLabel" $name) $service.versionLabel -}}
{{- end -}}
{{- range $key, $label := $labels }}
{{- if or (hasPrefix "traffic-lanes/" (default "" $label)) (has $label $taken) }}
- {{ $key }}: {{ $label }} is set by the chart, and holds no version: use another
{{- end }}
{{- end }}
{{- end -}}

{{/*
Labels of pods that hold no version, as a YAML list.
Usage: {{ include "traffic-lanes.unversionedLabels" . | fromYamlArray }}
*/}}
{{- define "traffic-lanes.unversionedLabels" -}}
[app, app.kubernetes.io/name, app.kubernetes.io/part-of]
{{- end -}}

{{/*
Sum of a mapping's values.
Usage: {{ include "traffic-lanes.sum" .Values.lanes.weights }}
*/}}
{{- define "traffic-lanes.sum" -}}
{{- $sum := 0 -}}
{{- range . }}{{ $sum = add $sum . }}{{ end -}}
{{- $sum -}}
{{- end -}}

{{/*
The weights add up to 100, and the baseline has one.
Usage: {{ include "traffic-lanes.checks.weights" . }}
*/}}
{{- define "traffic-lanes.checks.weights" -}}
{{- $lanes := .Values.lanes -}}
{{- $sum := include "traffic-lanes.sum" $lanes.weights -}}
{{- $weights := list -}}
{{- range $lane, $weight := $lanes.weights -}}
{{- $weights = append $weights (printf "%s: %d" $lane (int $weight)) -}}
{{- end -}}
{{- if not $weights }}
- lanes.weights is empty: name the lanes of your services, as in {v1: 90, v2: 10}
{{- else if ne $sum "100" }}
- lanes.weights add up to {{ $sum }}, not to 100 ({{ join ", " $weights }}); `<lane>: null` removes one
{{- end }}
{{- if and $weights (not (hasKey $lanes.weights $lanes.baseline)) }}
- lanes.baseline {{ quote $lanes.baseline }} is not a lane: lanes.weights has
  {{ keys $lanes.weights | sortAlpha | join ", " }}
{{- end }}
{{- end -}}

{{/*
What a release of one lane can't have.
Usage: {{ include "traffic-lanes.checks.laneRelease" . }}
*/}}
{{- define "traffic-lanes.checks.laneRelease" -}}
{{- $lanes := .Values.lanes -}}
{{- $only := $lanes.only -}}
{{- if $only }}
{{- if not .Model.mesh.laneReleases }}
- lanes.only: a lane can be a release of its own with mesh.provider gateway-api; elsewhere its file
  goes beside the others', into one release
{{- end }}
{{- $changed := list }}
{{- range .Model.services }}{{ $changed = concat $changed .own }}{{ end }}
{{- if eq $only $lanes.baseline }}
- lanes.only: {{ $only }} is the baseline, and the base's: name another lane
{{- else if not $changed }}
- lanes.only: no service has a version {{ $only }}: services: {<service>: {versions: {
  {{- $only }}: {}}}}
{{- end }}
{{- with get $lanes.weights $only }}
- lanes.only: {{ $only }} has {{ . }}% of the requests in lanes.weights, and the base sets the
  shares: leave it out there
{{- end }}
{{- if not (or $lanes.enter.header $lanes.enter.cookie $lanes.enter.host (get $lanes.enter.match $only)) }}
- lanes.only: no entry rule leads to {{ $only }}: set lanes.enter.header to x-lane, say, or another of lanes.enter
{{- end }}
{{- end }}
{{- end -}}
