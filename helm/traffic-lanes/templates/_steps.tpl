{{/*
Lanes that an upgrade takes away while the gateway still stamps requests with them, or adds with a
weight before there are pods for them, at all or at one service, a sentence each, as a JSON list.
Proxies hear of subsets, rules and pods one after the other, whatever the order in which Helm applies
them; meanwhile such requests fail, unless ASM's fallback takes them. Only an upgrade by Helm sees
what is there.
*/}}
{{- define "traffic-lanes.hasty" -}}
{{- $hasty := list -}}
{{- $guarded := or (ne .Values.mesh.provider "asm") (eq .Values.lanes.mode "strict") -}}
{{- if and .Release.IsUpgrade .Values.routing.enabled $guarded (not .Values.lanes.only) -}}
{{- $weights := .Values.lanes.weights -}}
{{- $live := include "traffic-lanes.live" . | fromJson -}}
{{- range $lane, $weight := $live -}}
{{- if and $weight (not (hasKey $weights $lane)) -}}
{{- $hasty = append $hasty (printf "lanes.weights lacks %s, which has %v %% of the requests now: give it 0 first, and take it away by the next upgrade" $lane $weight) -}}
{{- end -}}
{{- end -}}
{{- range $lane, $weight := ternary $weights dict (not (empty $live)) -}}
{{- if and $weight (not (hasKey $live $lane)) -}}
{{- $hasty = append $hasty (printf "lanes.weights: %s is new: give it 0 first, and %v by the next upgrade, once all pods have rolled out" $lane $weight) -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.lanes.mode "permissive" -}}
{{- $ruled := include "traffic-lanes.ruled" . | fromJson -}}
{{- range $name, $service := .Values.services -}}
{{- $lanes := get $ruled $name | default list -}}
{{- $versions := keys (ternary $weights $service.versions (eq $.Values.lanes.rules "all")) | sortAlpha -}}
{{- range $lane := ternary $versions list (not (empty $lanes)) -}}
{{- if and (get $weights $lane) (hasKey $live $lane) (not (has $lane $lanes)) -}}
{{- $hasty = append $hasty (printf "services.%s: lane %s is new there, and has %v %% of the requests: give it 0 first, and %v by the next upgrade, once all pods have rolled out" $name $lane (get $weights $lane) (get $weights $lane)) -}}
{{- end -}}
{{- end -}}
{{- range $lane := $lanes -}}
{{- if and (get $live $lane) (hasKey $weights $lane) (not (has $lane $versions)) -}}
{{- $hasty = append $hasty (printf "services.%s: lane %s is there no more, and has %v %% of the requests now: give it 0 first, and take it away there by the next upgrade" $name $lane (get $live $lane)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $hasty -}}
{{- end -}}

{{/* The lanes that the release's gateway stamps now, with their weights, as JSON; empty where it has
none yet, or another kind of route. */}}
{{- define "traffic-lanes.live" -}}
{{- $attached := not (empty .Values.gateway.parentRefs) -}}
{{- $istio := include "traffic-lanes.networking" (dict "provider" .Values.mesh.provider) -}}
{{- $api := ternary "gateway.networking.k8s.io/v1" $istio $attached -}}
{{- $kind := ternary "HTTPRoute" "VirtualService" $attached -}}
{{- $route := dict -}}
{{- if .Capabilities.APIVersions.Has $api -}}
{{- $route = lookup $api $kind .Release.Namespace (printf "%s-gateway" (include "traffic-lanes.name" .)) -}}
{{- end -}}
{{- $name := ternary .Values.lanes.header "baggage" (eq .Values.mesh.provider "asm") -}}
{{- $live := dict -}}
{{- range (dig "spec" "rules" (list dict) $route | last).backendRefs -}}
{{- $weight := .weight -}}
{{- range .filters -}}
{{- range concat (dig "requestHeaderModifier" "set" list .) (dig "requestHeaderModifier" "add" list .) -}}
{{- if eq .name $name }}{{ $_ := set $live (splitList "=" .value | last) $weight }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range (dig "spec" "http" (list dict) $route | last).route -}}
{{- $weight := default 0 .weight -}}
{{- $request := dig "headers" "request" dict . -}}
{{- with get (merge dict (dig "set" dict $request) (dig "add" dict $request)) $name -}}
{{- $_ := set $live (splitList "=" . | last) $weight -}}
{{- end -}}
{{- end -}}
{{- toJson $live -}}
{{- end -}}

{{/* The lanes that each service has a rule for now, by its name, as JSON. */}}
{{- define "traffic-lanes.ruled" -}}
{{- $routed := eq .Values.mesh.provider "gateway-api" -}}
{{- $istio := include "traffic-lanes.networking" (dict "provider" .Values.mesh.provider) -}}
{{- $api := ternary "gateway.networking.k8s.io/v1" $istio $routed -}}
{{- $routes := dict -}}
{{- if .Capabilities.APIVersions.Has $api -}}
{{- $routes = lookup $api (ternary "HTTPRoute" "VirtualService" $routed) .Release.Namespace "" -}}
{{- end -}}
{{- $ruled := dict -}}
{{- range $route := $routes.items -}}
{{- range $parent := $route.spec.parentRefs -}}
{{- $lane := dig "metadata" "labels" "traffic-lanes/lane" "" $route -}}
{{- if eq (get $parent "kind") "Service" }}{{ $_ := set $ruled $parent.name (append (get $ruled $parent.name | default list) $lane) }}{{ end -}}
{{- end -}}
{{- $lanes := list -}}
{{- range $route.spec.http }}{{ $lanes = append $lanes (get . "name") }}{{ end -}}
{{- if $lanes }}{{ $_ := set $ruled $route.metadata.name $lanes }}{{ end -}}
{{- end -}}
{{- toJson $ruled -}}
{{- end -}}
