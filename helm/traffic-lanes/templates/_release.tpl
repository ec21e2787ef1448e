{{/*
Provider gateway-api, where a lane may be a release of its own: HTTPRoutes merge, so nothing is shared
that it would have to write.
*/}}

{{/* What the Gateway API has no place for, and what a lane's own release can't be, a sentence each, as a
JSON list. */}}
{{- define "traffic-lanes.unrouted" -}}
{{- $values := .Values -}}
{{- $lanes := $values.lanes -}}
{{- $only := $lanes.only -}}
{{- $enter := $lanes.enter -}}
{{- $wrong := list -}}
{{- if eq $values.mesh.provider "gateway-api" -}}
{{- if not $values.gateway.parentRefs -}}
{{- $wrong = append $wrong "mesh.provider gateway-api: which Gateway? Name one that is there in gateway.parentRefs: [{name: web, namespace: gateways}]" -}}
{{- end -}}
{{- if eq $lanes.mode "strict" -}}
{{- $wrong = append $wrong "lanes.mode strict: with mesh.provider gateway-api no route takes a lane's requests where it lacks a version, so the baseline answers: leave it at permissive" -}}
{{- end -}}
{{- if eq $lanes.rules "all" -}}
{{- $wrong = append $wrong "lanes.rules all: with mesh.provider gateway-api a version that others deploy comes with a route of its own: leave it at changed" -}}
{{- end -}}
{{- if eq $values.gateway.clientBaggage "keep" -}}
{{- $wrong = append $wrong "gateway.clientBaggage keep: with mesh.provider gateway-api the lane replaces what clients send: leave it at drop" -}}
{{- end -}}
{{- $name := include "traffic-lanes.name" . -}}
{{- $routes := dict (printf "%s-gateway" $name) "the gateway" -}}
{{- if and $enter.host $only }}{{ $_ := set $routes (printf "%s-host" $name) "lanes.enter.host" }}{{ end -}}
{{- range $lane, $_ := ternary $lanes.weights dict (and (not (empty $enter.host)) (empty $only)) -}}
{{- $_ := set $routes (printf "%s-host-%s" $name $lane) "lanes.enter.host" -}}
{{- end -}}
{{- range $name, $service := $values.services -}}
{{- range $version, $_ := $service.versions -}}
{{- $own := printf "%s-%s" $name $version -}}
{{- if hasKey $values.services $own -}}
{{- $wrong = append $wrong (printf "services.%s and version %s of %s would both have a Service %q: rename one" $own $version $name $own) -}}
{{- end -}}
{{- if hasKey $routes $own -}}
{{- $wrong = append $wrong (printf "version %s of services.%s and %s would both have an HTTPRoute %q: rename one, or set nameOverride" $version $name (get $routes $own) $own) -}}
{{- end -}}
{{- end -}}
{{- if hasKey $routes $name -}}
{{- $wrong = append $wrong (printf "services.%s and %s would both have an HTTPRoute %q: rename the service, or set nameOverride" $name (get $routes $name) $name) -}}
{{- end -}}
{{- end -}}
{{- else if $only -}}
{{- $wrong = append $wrong "lanes.only: a lane can be a release of its own with mesh.provider gateway-api; elsewhere its file goes beside the others', into one release" -}}
{{- end -}}
{{- if $only -}}
{{- $changed := list -}}
{{- range $name, $service := $values.services }}{{ if hasKey $service.versions $only }}{{ $changed = append $changed $name }}{{ end }}{{ end -}}
{{- if eq $only $lanes.baseline -}}
{{- $wrong = append $wrong (printf "lanes.only: %s is the baseline, and the base's: name another lane" $only) -}}
{{- else if not $changed -}}
{{- $wrong = append $wrong (printf "lanes.only: no service has a version %s: services: {<service>: {versions: {%s: {}}}}" $only $only) -}}
{{- end -}}
{{- with get $lanes.weights $only -}}
{{- $wrong = append $wrong (printf "lanes.only: %s has %v %% of the requests in lanes.weights, and shares are the base's to give: leave it out there" $only .) -}}
{{- end -}}
{{- if not (or $enter.header $enter.cookie $enter.host (get $enter.match $only)) -}}
{{- $wrong = append $wrong (printf "lanes.only: nothing leads into %s: set lanes.enter.header, as x-lane, or another way in" $only) -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{/* The Service that takes a lane's requests from the gateway, from {model, lane}: that of the lane's pods,
or the baseline's. */}}
{{- define "traffic-lanes.entered" -}}
{{- $service := .model.entry -}}
name: {{ $service.name }}-{{ ternary .lane .model.baseline (has .lane $service.versions) }}
port: {{ $service.port }}
{{- end -}}

{{/* The rules of the gateway's HTTPRoute, from {model, values}, as a JSON list in the form of
"traffic-lanes.rules": a lane's own release has its ways in. Hosts of lanes have routes of their own. */}}
{{- define "traffic-lanes.routed" -}}
{{- $only := .model.only -}}
{{- $lanes := .values.lanes -}}
{{- if $only -}}
{{- $enter := merge (dict "match" (pick $lanes.enter.match $only)) (omit $lanes.enter "lanes" "match") -}}
{{- $lanes = merge (dict "weights" (dict $only 0) "enter" $enter) (omit $lanes "weights" "enter") -}}
{{- end -}}
{{- $rules := list -}}
{{- range include "traffic-lanes.rules" (dict "lanes" $lanes "gateway" .values.gateway) | fromJsonArray -}}
{{- $byHost := and .matches (hasKey (first .matches) "host") -}}
{{- if not (or $byHost (and $only .drawn)) }}{{ $rules = append $rules . }}{{ end -}}
{{- end -}}
{{- toJson $rules -}}
{{- end -}}

{{/* Where the gateway's HTTPRoute is looked for, from the values: the gateway's hosts, and the lanes' own;
empty where any host will do. */}}
{{- define "traffic-lanes.hostnames" -}}
{{- with without .gateway.hosts "*" -}}
hostnames:
  {{- compact (append . $.lanes.enter.host) | uniq | toYaml | nindent 2 }}
{{- end -}}
{{- end -}}
