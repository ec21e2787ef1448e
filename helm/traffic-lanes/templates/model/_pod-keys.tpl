{{/*
Keys that hold for a service's pods, as JSON: `layers`, over `defaults`, over `sample` where that applies.
A service's own keys and those of a version are layers. The chart completes them:
  container.ports, service.ports   the port named http first
  listens                          numbers of the container's ports that the Service's lead to
  managementPort                   number of the container's port named management, or 0
  pod.terminationGracePeriodSeconds, container.lifecycle.preStop, where `drain` and `finish` ask for them
Usage: {{ include "traffic-lanes.podKeys" (dict "values" .Values "layers" (list $keys)) | fromJson }}
*/}}
{{- define "traffic-lanes.podKeys" -}}
{{- $sample := .values.defaults.sample -}}
{{- range .layers }}{{ if kindIs "bool" (get . "sample") }}{{ $sample = .sample }}{{ end }}{{ end -}}
{{- $below := ternary (list .values.sample) list $sample -}}
{{- $keys := include "traffic-lanes.mergeLayers" (concat $below (list .values.defaults) .layers) | fromJson -}}
{{- $container := $keys.container | default dict -}}
{{- $pod := $keys.pod | default dict -}}
{{- $service := $keys.service | default dict -}}

{{- $target := $keys.targetPort | default $keys.port -}}
{{- $http := list (dict "name" "http" "containerPort" (ternary $keys.port $target (kindIs "string" $target))) -}}
{{- $ports := dict "below" $http "above" ($container.ports | default list) "by" "name" -}}
{{- $_ := set $container "ports" (include "traffic-lanes.mergeList" $ports | fromJsonArray) -}}
{{- $main := dict "name" "http" "port" $keys.port "targetPort" ($keys.targetPort | default "http") -}}
{{- with $keys.appProtocol }}{{ $_ := set $main "appProtocol" . }}{{ end -}}
{{- $http = list $main -}}
{{- $ports = dict "below" $http "above" ($service.ports | default list) "by" "name" -}}
{{- $_ := set $service "ports" (include "traffic-lanes.mergeList" $ports | fromJsonArray) -}}
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
One mapping of several, each over those before it, as JSON. Null removes a key. A variable replaces the one
of its name, and a handler of a probe or hook replaces one of another kind, for Kubernetes allows one source
and one handler.
Usage: {{ include "traffic-lanes.mergeLayers" (list .Values.sample .Values.defaults) | fromJson }}
*/}}
{{- define "traffic-lanes.mergeLayers" -}}
{{- $merged := dict -}}
{{- range $layer := . -}}
{{- if $layer -}}
{{- $layer = deepCopy $layer -}}
{{- $containers := dict "below" (get $merged "container") "above" (get $layer "container") -}}
{{- include "traffic-lanes.dropOtherHandlers" $containers -}}
{{- range $piece, $lists := include "traffic-lanes.mergedLists" . | fromJson -}}
{{- $below := get $merged $piece | default dict -}}
{{- $above := get $layer $piece | default dict -}}
{{- range $key, $by := $lists -}}
{{- if and (get $below $key) (get $above $key) -}}
{{- $members := dict "below" (get $below $key) "above" (get $above $key) "by" $by "whole" (eq $key "volumes") -}}
{{- $_ := set $above $key (include "traffic-lanes.mergeList" $members | fromJsonArray) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $env := get $merged "env" | default dict -}}
{{- range $name, $_ := $layer.env }}{{ $_ := unset $env $name }}{{ end -}}
{{- $merged = mergeOverwrite $merged $layer -}}
{{- end -}}
{{- end -}}
{{- $json := toJson $merged -}}
{{- if contains ":null" $json }}{{ $json = include "traffic-lanes.withoutNulls" $merged }}{{ end -}}
{{- $json -}}
{{- end -}}

{{/*
Lists that merge member by member, and the key that identifies a member, as JSON.
Usage: {{ include "traffic-lanes.mergedLists" . | fromJson }}
*/}}
{{- define "traffic-lanes.mergedLists" -}}
{
  "container": {"ports": "name", "volumeMounts": "mountPath"},
  "pod": {"containers": "name", "initContainers": "name", "volumes": "name", "imagePullSecrets": "name"},
  "service": {"ports": "name"}
}
{{- end -}}

{{/*
One list of two, as JSON: members of `above` merge into those of `below` with the same value of key `by`, or
replace them where `whole` is true.
Usage: {{ include "traffic-lanes.mergeList" (dict "below" $ports "above" $own "by" "name") | fromJsonArray }}
*/}}
{{- define "traffic-lanes.mergeList" -}}
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

{{/*
Removes from the probes and hooks of two containers the handlers of other kinds than the upper one names.
It changes both containers, and prints nothing.
Usage: {{ include "traffic-lanes.dropOtherHandlers" (dict "below" $container "above" $own) }}
*/}}
{{- define "traffic-lanes.dropOtherHandlers" -}}
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

{{/*
Handlers that a probe or a hook names, as a JSON list. httpGet is last: the sample's probes have it, and Helm
merges it with the handler that a file of values gives in its place.
Usage: {{ include "traffic-lanes.handlers" $probe | fromJsonArray }}
*/}}
{{- define "traffic-lanes.handlers" -}}
{{- $probe := default dict . -}}
{{- $named := list -}}
{{- range $handler := list "tcpSocket" "exec" "grpc" "sleep" "httpGet" -}}
{{- if kindIs "map" (get $probe $handler) }}{{ $named = append $named $handler }}{{ end -}}
{{- end -}}
{{- toJson $named -}}
{{- end -}}

{{/*
A mapping without its nulls, and without what they leave empty, as JSON.
Usage: {{ include "traffic-lanes.withoutNulls" $mapping | fromJson }}
*/}}
{{- define "traffic-lanes.withoutNulls" -}}
{{- $kept := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}
{{- $rest := include "traffic-lanes.withoutNulls" $value | fromJson -}}
{{- if or $rest (empty $value) }}{{ $_ := set $kept $key $rest }}{{ end -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $kept $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $kept -}}
{{- end -}}
