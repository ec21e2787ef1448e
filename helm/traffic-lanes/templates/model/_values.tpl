{{/*
The values as the chart reads them, as JSON. Without `services`, sample.yaml gives services and weights. A null removes
a service, a version, an entry of gateway.services, or a lane with its versions and entry rules: Helm itself removes
only keys of the chart's own values.yaml.
Usage: {{ include "traffic-lanes.values" . | fromJson }}
*/}}
{{- define "traffic-lanes.values" -}}
{{- $values := deepCopy .Values -}}
{{- if not $values.services -}}
{{- $sample := .Files.Get "sample.yaml" | fromYaml -}}
{{- $weights := dict "below" $sample.lanes.weights "above" $values.lanes.weights -}}
{{- $_ := set $values.lanes "weights" (include "traffic-lanes.mergeOver" $weights | fromJson) -}}
{{- $_ := set $values "services" $sample.services -}}
{{- end -}}
{{- $weights := $values.lanes.weights -}}
{{- $services := $values.services -}}
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
{{- if kindIs "invalid" $service -}}
{{- $_ := unset $services $name -}}
{{- else if not $service.versions -}}
{{- $_ := set $service "versions" dict -}}
{{- end -}}
{{- range $version, $keys := dig "versions" dict (default dict $service) -}}
{{- if or (kindIs "invalid" $keys) (has $version $gone) }}{{ $_ := unset $service.versions $version }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $only := $values.lanes.only -}}
{{- if and $only (not (hasKey $weights $only)) }}{{ $_ := set $weights $only 0 }}{{ end -}}
{{- toJson $values -}}
{{- end -}}
