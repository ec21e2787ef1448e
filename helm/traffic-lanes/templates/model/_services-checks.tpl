{{/*
Labels of the team's own are those of pods that the chart does not make.
Usage: {{ include "traffic-lanes.checks.ownLabels" . }}
*/}}
{{- define "traffic-lanes.checks.ownLabels" -}}
{{- $layers := dict "defaults" .Values.defaults -}}
{{- range $name, $service := .Values.services }}{{ $_ := set $layers (printf "services.%s" $name) $service }}{{ end -}}
{{- range $at, $keys := ternary $layers dict .Values.workloads.enabled }}
{{- range list "selector" "versionLabel" }}
{{- if get $keys . }}
- {{ $at }}.{{ . }}: the chart labels the pods that it makes. Remove the key, or set workloads.enabled=false.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Each service's versions are lanes, the baseline among them, and no two Deployments have one name.
Usage: {{ include "traffic-lanes.checks.versions" . }}
*/}}
{{- define "traffic-lanes.checks.versions" -}}
{{- $lanes := .Values.lanes -}}
{{- $known := keys $lanes.weights | sortAlpha | join ", " -}}
{{- $owners := dict -}}
{{- range $name, $service := .Values.services }}
{{- if not $service.versions }}
- services.{{ $name }}.versions is empty. Name the service's versions, as in {v1: {}}.
  {{- if has $name (list "mocka" "mockb" "mockc") }} To change the sample, put `--values sample.yaml`, a file
  of the chart, before your own values.
  {{- end }}
{{- else }}
{{- $versions := keys $service.versions | sortAlpha }}
{{- range $version := $versions }}
{{- if not (or (hasKey $lanes.weights $version) (include "traffic-lanes.misreadName" $version)) }}
- services.{{ $name }}.versions: {{ quote $version }} is not a lane. Use one of lanes.weights ({{ $known }}),
  add the lane there, or remove the version with null.
{{- end }}
{{- $workload := printf "%s-%s" $name $version }}
{{- $key := printf "%s/%s" (get $.Model.namespaces $name) $workload }}
{{- with get $owners $key }}
- services.{{ . }} and services.{{ $name }} would both have a Deployment {{ quote $workload }}. Rename one.
{{- end }}
{{- $_ := set $owners $key $name }}
{{- end }}
{{- if and (hasKey $lanes.weights $lanes.baseline) (not (hasKey $service.versions $lanes.baseline)) }}
- services.{{ $name }}.versions ({{ join ", " $versions }}) lacks the baseline
  {{ $lanes.baseline }}, which answers for lanes that have no version here. Add {{ $lanes.baseline }}: {}.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Retries say how many, or the provider's do: Istio reads no number as none.
Usage: {{ include "traffic-lanes.checks.retries" . }}
*/}}
{{- define "traffic-lanes.checks.retries" -}}
{{- $model := .Model -}}
{{- range $service := ternary $model.services list (eq $model.mesh.routeKind "VirtualService") }}
{{- $retries := ($service.route | default dict).retries }}
{{- $below := include (printf "traffic-lanes.%s.retries" $model.provider) (dict "model" $model) | fromYaml }}
{{- if and $retries (not (or (hasKey $retries "attempts") (hasKey $below "attempts"))) }}
- services.{{ $service.name }}.route.retries.attempts is missing, so nothing is retried. Set it, as in {attempts: 2}.
{{- end }}
{{- end }}
{{- end -}}

{{/*
Each upstream is a service, named once.
Usage: {{ include "traffic-lanes.checks.upstreams" . }}
*/}}
{{- define "traffic-lanes.checks.upstreams" -}}
{{- $services := .Values.services -}}
{{- range $name, $service := $services }}
{{- $seen := dict }}
{{- range $upstream := $service.upstreams }}
{{- if not (hasKey $services $upstream) }}
- services.{{ $name }}.upstreams: {{ quote $upstream }} is not a service. Use one of services
  ({{ keys $services | sortAlpha | join ", " }}), or add it there.
{{- else if hasKey $seen $upstream }}
- services.{{ $name }}.upstreams lists {{ $upstream }} more than once. Name it once.
{{- end }}
{{- $_ := set $seen $upstream true }}
{{- end }}
{{- end }}
{{- with include "traffic-lanes.endlessCycle" . | fromJsonArray }}
- services: the upstreams of {{ join ", " . }} are a cycle, in which a request never ends. Remove one of them.
{{- end }}
{{- end -}}

{{/*
Names of services in a cycle of upstreams that includes a sample service of this release, which calls all its
upstreams on each request, as a JSON list. Other services may end the cycle themselves.
Usage: {{ include "traffic-lanes.endlessCycle" . | fromJsonArray }}
*/}}
{{- define "traffic-lanes.endlessCycle" -}}
{{- $cycle := include "traffic-lanes.serviceCycle" .Values.services | fromJsonArray -}}
{{- $endless := false -}}
{{- range $service := .Model.services -}}
{{- if has $service.name $cycle -}}
{{- range $service.pods -}}
{{- if and .sample $.Values.workloads.enabled }}{{ $endless = true }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- ternary $cycle list $endless | toJson -}}
{{- end -}}
