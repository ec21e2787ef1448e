{{/*
The values as the chart reads them, as JSON: without what null removes, which are services, versions, entries, and
lanes with their versions and entry rules. Helm by itself removes keys of the chart's own values only.
Usage: {{ include "traffic-lanes.values" . | fromJson }}
*/}}
{{- define "traffic-lanes.values" -}}
{{- $values := deepCopy .Values -}}
{{- $weights := $values.lanes.weights -}}
{{- $services := $values.services -}}
{{- if not (or .Release.IsInstall .Release.IsUpgrade) -}}
{{- $replaced := include "traffic-lanes.replacedSample" .Values | fromJson -}}
{{- range $replaced.lanes }}{{ $_ := set $weights . nil }}{{ end -}}
{{- range $replaced.services }}{{ $_ := unset $services . }}{{ end -}}
{{- end -}}
{{- $gone := list -}}
{{- range $lane, $weight := $weights -}}
{{- if kindIs "invalid" $weight }}{{ $gone = append $gone $lane }}{{ $_ := unset $weights $lane }}{{ end -}}
{{- end -}}
{{- $entries := $values.gateway.services | default dict -}}
{{- range $name, $entry := $entries -}}
{{- if kindIs "invalid" $entry }}{{ $_ := unset $entries $name }}{{ end -}}
{{- end -}}
{{- range $map := list $values.lanes.enter.lanes $values.lanes.enter.match -}}
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
{{- $only := $values.lanes.only -}}
{{- if and $only (not (hasKey $weights $only)) }}{{ $_ := set $weights $only 0 }}{{ end -}}
{{- toJson $values -}}
{{- end -}}

{{/*
The sample's lanes and services that others replace, as JSON: {lanes, services}, each a list of names. helm lint
merges the chart's values twice, and so brings back what null has removed.
Usage: {{ include "traffic-lanes.replacedSample" .Values | fromJson }}
*/}}
{{- define "traffic-lanes.replacedSample" -}}
{{- $weights := .lanes.weights -}}
{{- $baseline := .lanes.baseline -}}
{{- $sample := dict "v1" 40 "v2" 30 "v3" 30 -}}
{{- $lanes := list -}}
{{- if ne (include "traffic-lanes.sum" $weights) "100" -}}
{{- range $back := list "v1" "v2" "v3" "v1 v2" "v1 v3" "v2 v3" "v1 v2 v3" -}}
{{- $rest := deepCopy $weights -}}
{{- range splitList " " $back -}}
{{- if eq (get $rest . | int) (get $sample .) }}{{ $_ := unset $rest . }}{{ end -}}
{{- end -}}
{{- if and (not $lanes) (hasKey $rest $baseline) (eq (include "traffic-lanes.sum" $rest) "100") -}}
{{- range splitList " " $back }}{{ if not (hasKey $rest .) }}{{ $lanes = append $lanes . }}{{ end }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $services := .services -}}
{{- $others := omit $services "mocka" "mockb" "mockc" -}}
{{- $called := list -}}
{{- range pick $services "mocka" "mockb" "mockc" }}{{ $called = concat $called (.upstreams | default list) }}{{ end -}}
{{- $needed := keys (.gateway.services | default dict) -}}
{{- if not (or $needed (include "traffic-lanes.keysNotIn" (dict "of" $others "than" $called) | fromJsonArray)) -}}
{{- $needed = list "mocka" -}}
{{- end -}}
{{- range $others }}{{ $needed = concat $needed (.upstreams | default list) }}{{ end -}}
{{- $unneeded := list -}}
{{- range list "mocka" "mockb" "mockc" -}}
{{- if has . $needed -}}
{{- $needed = concat $needed (dig . "upstreams" list $services | default list) -}}
{{- else -}}
{{- $unneeded = append $unneeded . -}}
{{- end -}}
{{- end -}}
{{- dict "lanes" $lanes "services" $unneeded | toJson -}}
{{- end -}}
