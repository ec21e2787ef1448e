{{/*
Layers of a service's keys as one, the later over the earlier, as JSON. Null takes a key away. A
probe's handler replaces one of another kind, and a variable the one of its name, not to end up with
two handlers or sources: Kubernetes allows one.
*/}}
{{- define "traffic-lanes.merged" -}}
{{- $merged := dict -}}
{{- range $layer := deepCopy . -}}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" -}}
{{- $handlers := include "traffic-lanes.handlers" (get $layer $probe) | fromJsonArray -}}
{{- range $keys := list (get $merged $probe) (get $layer $probe) -}}
{{- range $other := list "tcpSocket" "exec" "grpc" "httpGet" -}}
{{- if and $keys $handlers (ne $other (first $handlers)) }}{{ $_ := unset $keys $other }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $env := default dict $merged.env -}}
{{- range $name, $_ := $layer.env }}{{ $_ := unset $env $name }}{{ end -}}
{{- $merged = mergeOverwrite $merged $layer -}}
{{- end -}}
{{- $json := toJson $merged -}}
{{- if contains ":null" $json }}{{ $json = include "traffic-lanes.compact" $merged }}{{ end -}}
{{- $json -}}
{{- end -}}

{{/* The handlers that a probe names, as a JSON list. httpGet is last: the chart's own probes have it,
and Helm merges them with those of `defaults` that name another. */}}
{{- define "traffic-lanes.handlers" -}}
{{- $probe := default dict . -}}
{{- $named := list -}}
{{- range $handler := list "tcpSocket" "exec" "grpc" "httpGet" -}}
{{- if kindIs "map" (get $probe $handler) }}{{ $named = append $named $handler }}{{ end -}}
{{- end -}}
{{- toJson $named -}}
{{- end -}}

{{/* A mapping without its nulls, and without what they leave empty, as JSON. */}}
{{- define "traffic-lanes.compact" -}}
{{- $kept := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}
{{- $rest := include "traffic-lanes.compact" $value | fromJson -}}
{{- if or $rest (empty $value) }}{{ $_ := set $kept $key $rest }}{{ end -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $kept $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $kept -}}
{{- end -}}

{{/*
Takes away, from the values, what null takes away: services, lanes with their versions everywhere and
their ways in, and versions. Helm does so by itself for keys of the chart's own values only.
*/}}
{{- define "traffic-lanes.withoutNulls" -}}
{{- $weights := .lanes.weights -}}
{{- $services := .services -}}
{{- $gone := list -}}
{{- range $lane, $weight := $weights -}}
{{- if kindIs "invalid" $weight }}{{ $gone = append $gone $lane }}{{ $_ := unset $weights $lane }}{{ end -}}
{{- end -}}
{{- range $map := list .lanes.enter.lanes .lanes.enter.match -}}
{{- range $lane, $value := $map -}}
{{- if or (kindIs "invalid" $value) (has $lane $gone) }}{{ $_ := unset $map $lane }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $name, $service := $services -}}
{{- if kindIs "invalid" $service }}{{ $_ := unset $services $name }}{{ end -}}
{{- range $version, $keys := dig "versions" dict (default dict $service) -}}
{{- if or (kindIs "invalid" $keys) (has $version $gone) }}{{ $_ := unset $service.versions $version }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

