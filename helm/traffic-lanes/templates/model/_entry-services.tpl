{{/*
Services that the gateway calls, as JSON: {name: {path, host}}, each empty where the entry has none.
Usage: {{ include "traffic-lanes.entryServices" .Values | fromJson }}
*/}}
{{- define "traffic-lanes.entryServices" -}}
{{- $named := .gateway.services -}}
{{- if not $named -}}
{{- range include "traffic-lanes.uncalledServices" .services | fromJsonArray }}{{ $named = dict . dict }}{{ end -}}
{{- end -}}
{{- $entries := dict -}}
{{- range $name, $asks := $named -}}
{{- $asks = default dict $asks -}}
{{- $_ := set $entries $name (dict "path" (default "" $asks.path) "host" (default "" $asks.host)) -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{/*
Names of services that no other service calls, as a JSON list.
Usage: {{ include "traffic-lanes.uncalledServices" .Values.services | fromJsonArray }}
*/}}
{{- define "traffic-lanes.uncalledServices" -}}
{{- $callers := include "traffic-lanes.callers" . | fromJson -}}
{{- include "traffic-lanes.keysNotIn" (dict "of" . "than" (keys $callers)) -}}
{{- end -}}

{{/*
The model's `virtualHosts`, as a JSON list. An entry's host is a virtual host of its own. There, entries
without a host come after those with it, unless one of the latter takes every path.
Usage: {{ include "traffic-lanes.virtualHosts" (dict "name" $model.name "values" .Values) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.virtualHosts" -}}
{{- $name := printf "%s-gateway" .name -}}
{{- $own := dict -}}
{{- $anywhere := dict -}}
{{- range $service, $asks := include "traffic-lanes.entryServices" .values | fromJson -}}
{{- if $asks.host -}}
{{- $_ := set $own $asks.host (get $own $asks.host | default dict | merge (dict $asks.path $service)) -}}
{{- else -}}
{{- $_ := set $anywhere $asks.path $service -}}
{{- end -}}
{{- end -}}
{{- $found := list -}}
{{- $hosts := list -}}
{{- range include "traffic-lanes.sharedHosts" .values | fromYamlArray -}}
{{- if not (hasKey $own .) }}{{ $hosts = append $hosts . }}{{ end -}}
{{- end -}}
{{- if and $hosts $anywhere -}}
{{- $entries := include "traffic-lanes.entriesByPath" (dict "name" $name "of" $anywhere) | fromJsonArray -}}
{{- $found = append $found (dict "name" $name "host" "" "hosts" $hosts "entries" $entries) -}}
{{- end -}}
{{- range $host, $of := $own -}}
{{- if not (hasKey $of "") }}{{ $of = merge $of $anywhere }}{{ end -}}
{{- $route := printf "%s-%s" $name $host -}}
{{- $entries := include "traffic-lanes.entriesByPath" (dict "name" $route "of" $of) | fromJsonArray -}}
{{- $found = append $found (dict "name" $route "host" $host "hosts" (list $host) "entries" $entries) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/*
Entries of a virtual host, as a JSON list: the most specific path first. `name` is the route's.
Usage: {{ include "traffic-lanes.entriesByPath" (dict "name" $route "of" (dict "/beta" "shop")) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.entriesByPath" -}}
{{- $entries := list -}}
{{- range $path := keys .of | sortAlpha | reverse -}}
{{- $service := get $.of $path -}}
{{- $route := ternary (printf "%s-%s" $.name $service) $.name (not (empty $path)) -}}
{{- $entries = append $entries (dict "service" $service "path" $path "route" $route) -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{/*
Hosts at which entries without a host of their own answer, as a YAML list: `gateway.hosts`, and the lanes'.
Usage: {{ include "traffic-lanes.sharedHosts" .Values | fromYamlArray }}
*/}}
{{- define "traffic-lanes.sharedHosts" -}}
{{- $hosts := .gateway.hosts -}}
{{- $own := .lanes.enter.host -}}
{{- if and $own (not (has "*" $hosts)) }}{{ $hosts = append $hosts $own | uniq }}{{ end -}}
{{- toYaml $hosts -}}
{{- end -}}

{{/*
Hosts that the gateway answers for, as a YAML list.
Usage: {{ include "traffic-lanes.gatewayHosts" $model | nindent 8 }}
*/}}
{{- define "traffic-lanes.gatewayHosts" -}}
{{- $hosts := list -}}
{{- range $virtual := .virtualHosts -}}
{{- $covered := has "*" $hosts -}}
{{- range $hosts -}}
{{- if and (hasPrefix "*." .) (hasSuffix (trimPrefix "*" .) $virtual.host) }}{{ $covered = true }}{{ end -}}
{{- end -}}
{{- if not (and $virtual.host $covered) }}{{ $hosts = concat $hosts $virtual.hosts }}{{ end -}}
{{- end -}}
{{- toYaml $hosts -}}
{{- end -}}
