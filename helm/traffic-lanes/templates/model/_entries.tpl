{{/* The services that the gateway calls, from the values, as JSON: {name: {path, host}}, empty where they
ask for none. */}}
{{- define "traffic-lanes.entries" -}}
{{- $named := .gateway.services -}}
{{- if not $named -}}
{{- range include "traffic-lanes.uncalled" .services | fromJsonArray }}{{ $named = dict . dict }}{{ end -}}
{{- end -}}
{{- $entries := dict -}}
{{- range $name, $asks := $named -}}
{{- $asks = default dict $asks -}}
{{- $_ := set $entries $name (dict "path" (default "" $asks.path) "host" (default "" $asks.host)) -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{/* The services that no other calls, as a JSON list of names; from the services. */}}
{{- define "traffic-lanes.uncalled" -}}
{{- $callers := include "traffic-lanes.callers" . | fromJson -}}
{{- include "traffic-lanes.others" (dict "of" . "than" (keys $callers)) -}}
{{- end -}}

{{/*
What the gateway calls at which hosts, from the values, as the model has it, as a JSON list. A host
that an entry names is one by itself. There, the entries that name none come after those that do,
unless one of these takes every path.
*/}}
{{- define "traffic-lanes.virtualHosts" -}}
{{- $name := printf "%s-gateway" .model.name -}}
{{- $own := dict -}}
{{- $anywhere := dict -}}
{{- range $service, $asks := include "traffic-lanes.entries" . | fromJson -}}
{{- if $asks.host -}}
{{- $_ := set $own $asks.host (get $own $asks.host | default dict | merge (dict $asks.path $service)) -}}
{{- else -}}
{{- $_ := set $anywhere $asks.path $service -}}
{{- end -}}
{{- end -}}
{{- $found := list -}}
{{- $hosts := list -}}
{{- range include "traffic-lanes.general" . | fromYamlArray -}}
{{- if not (hasKey $own .) }}{{ $hosts = append $hosts . }}{{ end -}}
{{- end -}}
{{- if and $hosts $anywhere -}}
{{- $entries := include "traffic-lanes.byPath" (dict "name" $name "of" $anywhere) | fromJsonArray -}}
{{- $found = append $found (dict "name" $name "host" "" "hosts" $hosts "entries" $entries) -}}
{{- end -}}
{{- range $host, $of := $own -}}
{{- if not (hasKey $of "") }}{{ $of = merge $of $anywhere }}{{ end -}}
{{- $route := printf "%s-%s" $name $host -}}
{{- $entries := include "traffic-lanes.byPath" (dict "name" $route "of" $of) | fromJsonArray -}}
{{- $found = append $found (dict "name" $route "host" $host "hosts" (list $host) "entries" $entries) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The entries of a virtual host, from {name, of: {path: service}}, as a JSON list: the most specific
path first. */}}
{{- define "traffic-lanes.byPath" -}}
{{- $entries := list -}}
{{- range $path := keys .of | sortAlpha | reverse -}}
{{- $service := get $.of $path -}}
{{- $route := ternary (printf "%s-%s" $.name $service) $.name (not (empty $path)) -}}
{{- $entries = append $entries (dict "service" $service "path" $path "route" $route) -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{/* The hosts at which entries answer that name none, from the values: those given, and the lanes' own. */}}
{{- define "traffic-lanes.general" -}}
{{- $hosts := .gateway.hosts -}}
{{- $own := .lanes.enter.host -}}
{{- if and $own (not (has "*" $hosts)) }}{{ $hosts = append $hosts $own | uniq }}{{ end -}}
{{- toYaml $hosts -}}
{{- end -}}

{{/* The hosts that the gateway answers for, from the model. */}}
{{- define "traffic-lanes.hosts" -}}
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

{{/* The hosts at which an HTTPRoute is looked for, from its virtual host; empty where any will do. */}}
{{- define "traffic-lanes.hostnames" -}}
{{- if not (has "*" .hosts) -}}
hostnames:
  {{- toYaml .hosts | nindent 2 }}
{{- end -}}
{{- end -}}
