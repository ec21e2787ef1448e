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
- lanes.weights: {{ quote $lane }} is not a name for a lane. Use at most 63 lower-case letters, digits and '-', with
  a letter or a digit at both ends.
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
- services: {{ quote $name }} is not a name for a service. Use at most 40 lower-case letters, digits and '-', with a
  letter first, and a letter or a digit last.
{{- end }}
{{- end }}
{{- end -}}

{{/*
What is wrong with a name that YAML may have read as another value; empty: nothing.
Usage: {{ include "traffic-lanes.misreadName" $name }}
*/}}
{{- define "traffic-lanes.misreadName" -}}
{{- if regexMatch "^[0-9]+$" . -}}
YAML may read the name {{ quote . }} as a number, and change it. Begin the name with a letter, as in pr-{{ . }}.
{{- else if has . (list "true" "false") -}}
{{- $written := ternary "on and yes" "off and no" (eq . "true") -}}
{{ quote . }} is what YAML reads for {{ $written }}. Put the name in quotes, or use another name.
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
- {{ $key }}: {{ quote $header }} is not a name for this header. Use at most 40 lower-case letters, digits and '-', with
  a letter first, and a letter or a digit last.
{{- else if or (has $header $taken) (regexMatch "^(accept|content|if|proxy|sec|x-(b3|envoy|forwarded))-" $header) }}
- {{ $key }}: {{ quote $header }} is a header that HTTP or the mesh uses itself. Use another name.
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
- {{ $key }}: the chart sets {{ $label }} itself, to something else than the version. Use another label.
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
- lanes.weights is empty. Name the lanes of your services, as in {v1: 90, v2: 10}.
{{- else if ne $sum "100" }}
- lanes.weights add up to {{ $sum }}, not to 100 ({{ join ", " $weights }}). Change a weight, or remove a lane with
  `<lane>: null`.
{{- end }}
{{- if and $weights (not (hasKey $lanes.weights $lanes.baseline)) }}
- lanes.baseline: {{ quote $lanes.baseline }} is not a lane. Use one of lanes.weights:
  {{ keys $lanes.weights | sortAlpha | join ", " }}.
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
- lanes.only: a lane is a release of its own with mesh.provider gateway-api alone. Remove lanes.only, and give the
  lane's file to the release of the other lanes, with one more --values.
{{- end }}
{{- $changed := list }}
{{- range .Model.services }}{{ $changed = concat $changed .own }}{{ end }}
{{- if eq $only $lanes.baseline }}
- lanes.only: {{ $only }} is the baseline, which the release of the base has. Name another lane.
{{- else if not $changed }}
- lanes.only: no service has a version {{ $only }}. Add it to a service: services: {<service>: {versions: {
  {{- $only }}: {}}}}.
{{- end }}
{{- with get $lanes.weights $only }}
- lanes.only: lanes.weights gives {{ $only }} {{ . }}% of the requests, and the release of the base sets the weights.
  Remove {{ $only }} from lanes.weights.
{{- end }}
{{- if not (or $lanes.enter.header $lanes.enter.cookie $lanes.enter.host (get $lanes.enter.match $only)) }}
- lanes.only: no entry rule leads to {{ $only }}. Set lanes.enter.header, for example to x-lane, or another key of
  lanes.enter.
{{- end }}
{{- end }}
{{- end -}}
