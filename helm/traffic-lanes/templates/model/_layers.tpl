{{/* The keys that hold for pods of a service, from {values, layers}, as JSON: the service's own keys and
those of a version are layers. Completed by what the chart makes of them:
  container.ports, service.ports   the port named http first
  listens                          the numbers of the container's ports that the Service's lead to
  managementPort                   that of its port named management, or 0
  pod.terminationGracePeriodSeconds, container.lifecycle.preStop, where `drain` and `finish` ask for them
*/}}
{{- define "traffic-lanes.layered" -}}
{{- $sample := .values.defaults.sample -}}
{{- range .layers }}{{ if kindIs "bool" (get . "sample") }}{{ $sample = .sample }}{{ end }}{{ end -}}
{{- $below := ternary (list .values.sample) list $sample -}}
{{- $keys := include "traffic-lanes.merged" (concat $below (list .values.defaults) .layers) | fromJson -}}
{{- $container := $keys.container | default dict -}}
{{- $pod := $keys.pod | default dict -}}
{{- $service := $keys.service | default dict -}}

{{- $http := list (dict "name" "http" "containerPort" $keys.port) -}}
{{- $ports := dict "below" $http "above" ($container.ports | default list) "by" "name" -}}
{{- $_ := set $container "ports" (include "traffic-lanes.members" $ports | fromJsonArray) -}}
{{- $http = list (dict "name" "http" "port" $keys.port "targetPort" "http") -}}
{{- $ports = dict "below" $http "above" ($service.ports | default list) "by" "name" -}}
{{- $_ := set $service "ports" (include "traffic-lanes.members" $ports | fromJsonArray) -}}
{{- $numbers := dict -}}
{{- range $container.ports }}{{ $_ := set $numbers .name .containerPort }}{{ end -}}
{{- $listens := list -}}
{{- range $service.ports -}}
{{- $listens = append $listens (get $numbers (.targetPort | toString) | default .targetPort | default .port) -}}
{{- end -}}

{{- if and $keys.drain (not $sample) -}}
{{- $lifecycle := $container.lifecycle | default dict -}}
{{- $preStop := dict "preStop" (dict "sleep" (dict "seconds" $keys.drain)) -}}
{{- if not $lifecycle.preStop }}{{ $_ := set $container "lifecycle" (merge $lifecycle $preStop) }}{{ end -}}
{{- end -}}
{{- if or $keys.drain $keys.finish -}}
{{- $seconds := add ($keys.drain | default 0) ($keys.finish | default 30) -}}
{{- $pod = merge $pod (dict "terminationGracePeriodSeconds" $seconds) -}}
{{- end -}}
{{- $made := dict "sample" $sample "container" $container "pod" $pod "service" $service
      "listens" $listens "managementPort" (get $numbers "management" | default 0) -}}
{{- merge $made $keys | toJson -}}
{{- end -}}

{{/*
Layers as one, the later over the earlier, as JSON. Null takes a key away. A variable replaces the one
of its name, and the handler of a probe or hook one of another kind, not to end up with two sources or
handlers: Kubernetes allows one.
*/}}
{{- define "traffic-lanes.merged" -}}
{{- $merged := dict -}}
{{- range $layer := . -}}
{{- if $layer -}}
{{- $layer = deepCopy $layer -}}
{{- include "traffic-lanes.handled" (dict "below" (get $merged "container") "above" (get $layer "container")) -}}
{{- range $piece, $lists := include "traffic-lanes.lists" . | fromJson -}}
{{- $below := get $merged $piece | default dict -}}
{{- $above := get $layer $piece | default dict -}}
{{- range $key, $by := $lists -}}
{{- if and (get $below $key) (get $above $key) -}}
{{- $members := dict "below" (get $below $key) "above" (get $above $key) "by" $by "whole" (eq $key "volumes") -}}
{{- $_ := set $above $key (include "traffic-lanes.members" $members | fromJsonArray) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $env := get $merged "env" | default dict -}}
{{- range $name, $_ := $layer.env }}{{ $_ := unset $env $name }}{{ end -}}
{{- $merged = mergeOverwrite $merged $layer -}}
{{- end -}}
{{- end -}}
{{- $json := toJson $merged -}}
{{- if contains ":null" $json }}{{ $json = include "traffic-lanes.compact" $merged }}{{ end -}}
{{- $json -}}
{{- end -}}

{{/* The lists whose members are told apart by a key of theirs, and that key. */}}
{{- define "traffic-lanes.lists" -}}
{
  "container": {"ports": "name", "volumeMounts": "mountPath"},
  "pod": {"containers": "name", "initContainers": "name", "volumes": "name", "imagePullSecrets": "name"},
  "service": {"ports": "name"}
}
{{- end -}}

{{/* A list of members over another, from {below, above, by, whole}, as JSON. */}}
{{- define "traffic-lanes.members" -}}
{{- $by := .by -}}
{{- $whole := .whole | default false -}}
{{- $above := .above -}}
{{- $members := list -}}
{{- $met := list -}}
{{- range $member := .below -}}
{{- $name := get $member $by -}}
{{- $met = append $met $name -}}
{{- range $over := $above -}}
{{- if eq (get $over $by) $name -}}
{{- $member = ternary $over (mergeOverwrite (deepCopy $member) $over) $whole -}}
{{- end -}}
{{- end -}}
{{- $members = append $members $member -}}
{{- end -}}
{{- range $member := .above -}}
{{- if not (has (get $member $by) $met) }}{{ $members = append $members $member }}{{ end -}}
{{- end -}}
{{- toJson $members -}}
{{- end -}}

{{/* Leaves each probe and hook of two containers, {below, above}, the handlers of the kind that the
upper one names. */}}
{{- define "traffic-lanes.handled" -}}
{{- $below := .below | default dict -}}
{{- $above := .above | default dict -}}
{{- $kinds := list "tcpSocket" "exec" "grpc" "sleep" "httpGet" -}}
{{- range $path := list (list "startupProbe") (list "readinessProbe") (list "livenessProbe")
      (list "lifecycle" "preStop") (list "lifecycle" "postStart") -}}
{{- $lower := $below -}}
{{- $upper := $above -}}
{{- range $path -}}
{{- $lower = get ($lower | default dict) . -}}
{{- $upper = get ($upper | default dict) . -}}
{{- end -}}
{{- with include "traffic-lanes.handlers" $upper | fromJsonArray -}}
{{- $kind := first . -}}
{{- range $keys := list $lower $upper -}}
{{- range ternary (without $kinds $kind) list (kindIs "map" $keys) }}{{ $_ := unset $keys . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The handlers that a probe or a hook names, as a JSON list. httpGet is last: the sample's probes have
it, and Helm merges them with those that a file of values gives it in their place. */}}
{{- define "traffic-lanes.handlers" -}}
{{- $probe := default dict . -}}
{{- $named := list -}}
{{- range $handler := list "tcpSocket" "exec" "grpc" "sleep" "httpGet" -}}
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
their ways in, versions, and entries. Helm does so by itself for keys of the chart's own values only.
*/}}
{{- define "traffic-lanes.withoutNulls" -}}
{{- $weights := .lanes.weights -}}
{{- $services := .services -}}
{{- $gone := list -}}
{{- range $lane, $weight := $weights -}}
{{- if kindIs "invalid" $weight }}{{ $gone = append $gone $lane }}{{ $_ := unset $weights $lane }}{{ end -}}
{{- end -}}
{{- $entries := .gateway.services | default dict -}}
{{- range $name, $asks := $entries }}{{ if kindIs "invalid" $asks }}{{ $_ := unset $entries $name }}{{ end }}{{ end -}}
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
