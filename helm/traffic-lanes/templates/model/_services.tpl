{{/*
The model's `services`, as a JSON list.
Usage: {{ include "traffic-lanes.services" . | fromJsonArray }}
*/}}
{{- define "traffic-lanes.services" -}}
{{- $values := .Values -}}
{{- $only := $values.lanes.only -}}
{{- $entries := include "traffic-lanes.entryServices" $values | fromJson -}}
{{- $callers := include "traffic-lanes.callers" $values.services | fromJson -}}
{{- $everywhere := or (ne $values.lanes.mode "permissive") (eq $values.lanes.rules "all") -}}
{{- $all := keys $values.lanes.weights | sortAlpha -}}
{{- $defaults := include "traffic-lanes.podKeys" (dict "values" $values "layers" list) | fromJson -}}
{{- $services := list -}}
{{- range $name := include "traffic-lanes.serviceOrder" $values.services | fromJsonArray -}}
{{- $service := index $values.services $name -}}
{{- $versions := keys $service.versions | sortAlpha -}}
{{- $own := $versions -}}
{{- if $only }}{{ $own = ternary (list $only) list (has $only $versions) }}{{ end -}}
{{- $keys := omit $service "versions" "upstreams" -}}
{{- $shared := $defaults -}}
{{- if $keys -}}
{{- $shared = include "traffic-lanes.podKeys" (dict "values" $values "layers" (list $keys)) | fromJson -}}
{{- end -}}
{{- $pods := list -}}
{{- range $version := $own -}}
{{- $pod := $shared -}}
{{- with index $service.versions $version -}}
{{- $pod = include "traffic-lanes.podKeys" (dict "values" $values "layers" (list $keys .)) | fromJson -}}
{{- end -}}
{{- $pods = append $pods (merge (dict "name" (printf "%s-%s" $name $version) "version" $version) $pod) -}}
{{- end -}}
{{- $namespace := $shared.namespace | default $.Release.Namespace -}}
{{- $selector := dict -}}
{{- range $label, $value := $shared.selector }}{{ $_ := set $selector $label ($value | default $name) }}{{ end -}}
{{- $alone := eq (toJson $versions) (list $values.lanes.baseline | toJson) -}}
{{- $services = append $services (merge (dict
      "name" $name
      "namespace" $namespace
      "host" (printf "%s.%s.svc.%s" $name $namespace $values.clusterDomain)
      "gatewayPort" ($service.port | default (ternary $shared.port 0 (gt (len $shared.service.ports) 1)))
      "versions" $versions
      "own" $own
      "lanes" (ternary $all $versions $everywhere)
      "selector" (default (dict "app" $name) $selector)
      "label" ($shared.versionLabel | default $values.lanes.label)
      "anyPod" (and $alone (not $everywhere) (not $values.workloads.enabled))
      "upstreams" (default list $service.upstreams)
      "callers" (get $callers $name | default list)
      "entry" (hasKey $entries $name)
      "pods" $pods) $shared) -}}
{{- end -}}
{{- toJson $services -}}
{{- end -}}

{{/*
Services that call each service, as JSON: {name: [name]}.
Usage: {{ include "traffic-lanes.callers" .Values.services | fromJson }}
*/}}
{{- define "traffic-lanes.callers" -}}
{{- $callers := dict -}}
{{- range $name, $service := . -}}
{{- range $upstream := $service.upstreams -}}
{{- $_ := set $callers $upstream (append (get $callers $upstream | default list) $name) -}}
{{- end -}}
{{- end -}}
{{- toJson $callers -}}
{{- end -}}

{{/*
Names of services in the order of calls, as a JSON list. Services in a cycle of upstreams, and those that a cycle calls,
come last.
Usage: {{ include "traffic-lanes.serviceOrder" .Values.services | fromJsonArray }}
*/}}
{{- define "traffic-lanes.serviceOrder" -}}
{{- $upstreams := dict -}}
{{- range $name, $service := . }}{{ $_ := set $upstreams $name (default list $service.upstreams) }}{{ end -}}
{{- $placed := include "traffic-lanes.topologicalOrder" $upstreams | fromJsonArray -}}
{{- $rest := include "traffic-lanes.keysNotIn" (dict "of" $upstreams "than" $placed) | fromJsonArray -}}
{{- concat $placed $rest | toJson -}}
{{- end -}}

{{/*
Names of services in a cycle of upstreams, as a JSON list. It removes services that no cycle calls, then services that
call no cycle. Services between two cycles remain, too.
Usage: {{ include "traffic-lanes.serviceCycle" .Values.services | fromJsonArray }}
*/}}
{{- define "traffic-lanes.serviceCycle" -}}
{{- $upstreams := dict -}}
{{- range $name, $service := . }}{{ $_ := set $upstreams $name (default list $service.upstreams) }}{{ end -}}
{{- $before := include "traffic-lanes.topologicalOrder" $upstreams | fromJsonArray -}}
{{- $callers := dict -}}
{{- range $name := include "traffic-lanes.keysNotIn" (dict "of" $upstreams "than" $before) | fromJsonArray -}}
{{- if not (hasKey $callers $name) }}{{ $_ := set $callers $name list }}{{ end -}}
{{- range $upstream := get $upstreams $name -}}
{{- $_ := set $callers $upstream (append (get $callers $upstream | default list) $name) -}}
{{- end -}}
{{- end -}}
{{- $behind := include "traffic-lanes.topologicalOrder" $callers | fromJsonArray -}}
{{- include "traffic-lanes.keysNotIn" (dict "of" $callers "than" $behind) -}}
{{- end -}}

{{/*
Names, each before its upstreams, as a JSON list, by Kahn's algorithm. Names in a cycle, or after one, are left out.
Usage: {{ include "traffic-lanes.topologicalOrder" (dict "a" (list "b") "b" list) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.topologicalOrder" -}}
{{- $nexts := . -}}
{{- $unplaced := dict -}}
{{- range $names := $nexts -}}
{{- range $names }}{{ $_ := set $unplaced . (get $unplaced . | default 0 | add1) }}{{ end -}}
{{- end -}}
{{- $free := list -}}
{{- range $name, $_ := $nexts -}}
{{- if not (hasKey $unplaced $name) }}{{ $free = append $free $name }}{{ end -}}
{{- end -}}
{{- $placed := list -}}
{{- range $nexts -}}
{{- if not $free }}{{ break }}{{ end -}}
{{- $placed = concat $placed $free -}}
{{- $freed := list -}}
{{- range $name := $free -}}
{{- range $next := get $nexts $name -}}
{{- $count := sub (get $unplaced $next) 1 -}}
{{- $_ := set $unplaced $next $count -}}
{{- if and (not $count) (hasKey $nexts $next) }}{{ $freed = append $freed $next }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $free = sortAlpha $freed -}}
{{- end -}}
{{- toJson $placed -}}
{{- end -}}

{{/*
Keys of mapping `of` that are not in list `than`, in order, as a JSON list.
Usage: {{ include "traffic-lanes.keysNotIn" (dict "of" $services "than" $names) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.keysNotIn" -}}
{{- $known := dict -}}
{{- range .than }}{{ $_ := set $known . true }}{{ end -}}
{{- $others := list -}}
{{- range $name, $_ := .of }}{{ if not (hasKey $known $name) }}{{ $others = append $others $name }}{{ end }}{{ end -}}
{{- toJson $others -}}
{{- end -}}
