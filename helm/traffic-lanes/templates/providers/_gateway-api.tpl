{{/*
Provider gateway-api: HTTPRoutes alone, which merge. So nothing is shared that a lane would have to
write, and it may be a release of its own. Its routes have no subset, fallback and retries.
*/}}
{{- define "traffic-lanes.gateway-api.facts" -}}
networking: networking.istio.io/v1
security: security.istio.io/v1
routeKind: HTTPRoute
gatewayHeader: baggage
fallsBack: false
podLabels: []
needs:
  {{- if or .Values.peerAuthentication.enabled .Values.authorizationPolicy.enabled }}
  - api: security.istio.io/v1
    say: >-
      peerAuthentication and authorizationPolicy are Istio's, and Istio is not here (%s): leave them off
  {{- else }} []
  {{- end }}
{{- end -}}

{{- define "traffic-lanes.gateway-api.podLabels" }}{{ end -}}

{{- define "traffic-lanes.gateway-api.checks" -}}
{{- $values := .Values -}}
{{- $model := $.Model -}}
{{- $lanes := $values.lanes -}}
{{- if not $values.gateway.parentRefs }}
- mesh.provider gateway-api: which Gateway? Name one that is there in gateway.parentRefs:
  [{name: web, namespace: gateways}]
{{- end }}
{{- if eq $lanes.mode "strict" }}
- lanes.mode strict: with mesh.provider gateway-api no route takes a lane's requests where it lacks a
  version, so the baseline answers: leave it at permissive
{{- end }}
{{- if eq $lanes.rules "all" }}
- lanes.rules all: with mesh.provider gateway-api a version that others deploy comes with a route of
  its own: leave it at changed
{{- end }}
{{- range $service := $model.services }}
{{- if $service.trafficPolicy }}
- services.{{ $service.name }}.trafficPolicy is a DestinationRule's, and mesh.provider gateway-api makes none: leave
  it out
{{- end }}
{{- if ($service.route | default dict).retries }}
- services.{{ $service.name }}.route.retries: with mesh.provider gateway-api an HTTPRoute has a timeout only
{{- end }}
{{- end }}
{{- $routes := include "traffic-lanes.gateway-api.gatewayRoutes" . | fromJson }}
{{- range $name, $service := $values.services }}
{{- $atGateway := ternary $routes dict (eq (get $model.namespaces $name) $model.namespace) }}
{{- range $version, $_ := $service.versions }}
{{- $own := printf "%s-%s" $name $version }}
{{- if eq (get $model.namespaces $own) (get $model.namespaces $name) }}
- services.{{ $own }} and version {{ $version }} of {{ $name }} would both have a Service
  {{ quote $own }}: rename one
{{- end }}
{{- if gt (len $own) 63 }}
- services.{{ $name }}: version {{ $version }} needs a Service {{ quote $own }}, whose name has
  {{ len $own }} characters and may have 63: shorten that of the service or of the lane
{{- end }}
{{- with get $atGateway $own }}
- version {{ $version }} of services.{{ $name }} and {{ . }} would both have an HTTPRoute
  {{ quote $own }}: rename one, or set nameOverride
{{- end }}
{{- end }}
{{- with get $atGateway $name }}
- services.{{ $name }} and {{ . }} would both have an HTTPRoute {{ quote $name }}: rename the service,
  or set nameOverride
{{- end }}
{{- end }}
{{- end -}}

{{/*
Names of HTTPRoutes at the gateway, as JSON: {name: the value that makes it}.
Usage: {{ include "traffic-lanes.gateway-api.gatewayRoutes" . | fromJson }}
*/}}
{{- define "traffic-lanes.gateway-api.gatewayRoutes" -}}
{{- $model := .Model -}}
{{- $routes := dict -}}
{{- range $model.virtualHosts }}{{ range .entries }}{{ $_ := set $routes .route "the gateway" }}{{ end }}{{ end -}}
{{- if .Values.lanes.enter.host -}}
{{- range $model.lanes -}}
{{- $route := printf "%s-host%s" $model.name (ternary "" (printf "-%s" .name) (not (empty $model.only))) -}}
{{- $_ := set $routes $route "lanes.enter.host" -}}
{{- end -}}
{{- end -}}
{{- toJson $routes -}}
{{- end -}}

{{/*
What a release of one lane can't have.
Usage: {{ include "traffic-lanes.checks.laneRelease" . }}
*/}}
{{- define "traffic-lanes.checks.laneRelease" -}}
{{- $lanes := .Values.lanes -}}
{{- $only := $lanes.only -}}
{{- if $only }}
{{- if ne .Values.mesh.provider "gateway-api" }}
- lanes.only: a lane can be a release of its own with mesh.provider gateway-api; elsewhere its file
  goes beside the others', into one release
{{- end }}
{{- $changed := list }}
{{- range .Model.services }}{{ $changed = concat $changed .own }}{{ end }}
{{- if eq $only $lanes.baseline }}
- lanes.only: {{ $only }} is the baseline, and the base's: name another lane
{{- else if not $changed }}
- lanes.only: no service has a version {{ $only }}: services: {<service>: {versions: {
  {{- $only }}: {}}}}
{{- end }}
{{- with get $lanes.weights $only }}
- lanes.only: {{ $only }} has {{ . }} % of the requests in lanes.weights, and shares are the base's to
  give: leave it out there
{{- end }}
{{- if not (or $lanes.enter.header $lanes.enter.cookie $lanes.enter.host (get $lanes.enter.match $only)) }}
- lanes.only: nothing leads into {{ $only }}: set lanes.enter.header, as x-lane, or another way in
{{- end }}
{{- end }}
{{- end -}}

{{/*
Backend for a lane's requests at the gateway: the Service of the lane's pods, or the baseline's. `service` is a name.
Usage: {{ include "traffic-lanes.backendRef" (dict "model" $model "service" $name "lane" $lane) }}
*/}}
{{- define "traffic-lanes.backendRef" -}}
{{- $service := get .model.entries .service -}}
name: {{ $service.name }}-{{ ternary .lane .model.baseline (has .lane $service.versions) }}
{{- if ne $service.namespace .model.namespace }}
namespace: {{ toYaml $service.namespace }}
{{- end }}
port: {{ $service.port }}
{{- end -}}

{{/*
Rules of an entry's HTTPRoute, as a JSON list in the form of "traffic-lanes.gatewayRules". A release of one lane
has its entry rules only. Hosts of lanes have routes of their own.
Usage: {{ include "traffic-lanes.httpRouteRules" (dict "model" $model "values" .Values
  "virtualHost" $virtualHost "entry" $entry) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.httpRouteRules" -}}
{{- $only := .model.only -}}
{{- $lanes := .values.lanes -}}
{{- if $only -}}
{{- $enter := merge (dict "match" (pick $lanes.enter.match $only)) (omit $lanes.enter "lanes" "match") -}}
{{- $lanes = merge (dict "weights" (dict $only 0) "enter" $enter) (omit $lanes "weights" "enter") -}}
{{- end -}}
{{- $rules := list -}}
{{- $values := dict "lanes" $lanes "gateway" .values.gateway -}}
{{- $context := dict "values" $values "virtualHost" .virtualHost "entry" .entry -}}
{{- range include "traffic-lanes.entryServiceRules" $context | fromJsonArray -}}
{{- $byHost := and .matches (hasKey (first .matches) "host") -}}
{{- if not (or $byHost (and $only .drawn)) }}{{ $rules = append $rules . }}{{ end -}}
{{- end -}}
{{- toJson $rules -}}
{{- end -}}
