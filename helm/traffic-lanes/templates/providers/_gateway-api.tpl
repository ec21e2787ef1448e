{{/*
Provider gateway-api: HTTPRoutes only. The mesh merges the HTTPRoutes of one Service, so a lane can be a release of
its own that changes no shared resource. There are no subsets, no fallback for dead pods, and no retries.
*/}}
{{- define "traffic-lanes.gateway-api.facts" -}}
title: the Kubernetes Gateway API
api: gateway.networking.k8s.io/v1
networking: networking.istio.io/v1
security: security.istio.io/v1
routeKind: HTTPRoute
gatewayHeader: baggage
fallsBack: false
podLabels: []
membership: false
headerPropagation: ""
laneReleases: true
needs:
  {{- if or .Values.peerAuthentication.enabled .Values.authorizationPolicy.enabled }}
  - api: security.istio.io/v1
    say: >-
      peerAuthentication and authorizationPolicy need Istio, which the cluster does not have (%s). Set enabled: false.
  {{- else }} []
  {{- end }}
{{- end -}}

{{- define "traffic-lanes.gateway-api.podLabels" }}{{ end -}}

{{- define "traffic-lanes.gateway-api.checks" -}}
{{- $values := .Values -}}
{{- $model := $.Model -}}
{{- $lanes := $values.lanes -}}
{{- if not $values.gateway.parentRefs }}
- gateway.parentRefs is empty, and mesh.provider gateway-api needs a Gateway. Name one that is there, as in
  [{name: web, namespace: gateways}].
{{- end }}
{{- if eq $lanes.mode "strict" }}
- lanes.mode strict is not supported with mesh.provider gateway-api: the baseline answers where a lane lacks a version.
  Set permissive.
{{- end }}
{{- if eq $lanes.rules "all" }}
- lanes.rules all is not supported with mesh.provider gateway-api: each release brings the routes of its own versions.
  Set changed.
{{- end }}
{{- range $service := $model.services }}
{{- if $service.trafficPolicy }}
- services.{{ $service.name }}.trafficPolicy belongs to a DestinationRule, and mesh.provider gateway-api makes none.
  Remove it.
{{- end }}
{{- if ($service.route | default dict).retries }}
- services.{{ $service.name }}.route.retries is not supported with mesh.provider gateway-api: its HTTPRoutes
  have a timeout only. Remove it.
{{- end }}
{{- end }}
{{- $routes := include "traffic-lanes.gateway-api.gatewayRoutes" . | fromJson }}
{{- range $name, $service := $values.services }}
{{- $atGateway := ternary $routes dict (eq (get $model.namespaces $name) $model.namespace) }}
{{- range $version, $_ := $service.versions }}
{{- $own := printf "%s-%s" $name $version }}
{{- if eq (get $model.namespaces $own) (get $model.namespaces $name) }}
- services.{{ $own }} and version {{ $version }} of {{ $name }} would both have a Service
  {{ quote $own }}. Rename one.
{{- end }}
{{- if gt (len $own) 63 }}
- services.{{ $name }}: version {{ $version }} needs a Service {{ quote $own }}, whose name has
  {{ len $own }} characters, and 63 are allowed. Shorten the name of the service or of the lane.
{{- end }}
{{- with get $atGateway $own }}
- version {{ $version }} of services.{{ $name }} and {{ . }} would both have an HTTPRoute
  {{ quote $own }}. Rename one, or set nameOverride.
{{- end }}
{{- end }}
{{- with get $atGateway $name }}
- services.{{ $name }} and {{ . }} would both have an HTTPRoute {{ quote $name }}. Rename the service,
  or set nameOverride.
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
