{{/*
Lanes that an upgrade takes away while the gateway still stamps requests with them, or adds with a
weight before there are pods for them, a sentence each, as a JSON list. Proxies hear of subsets,
rules and pods one after the other, whatever the order in which Helm applies them; meanwhile such
requests fail, unless ASM's fallback takes them. Only an upgrade by Helm sees what is there.
*/}}
{{- define "traffic-lanes.hasty" -}}
{{- $hasty := list -}}
{{- $guarded := or (ne .Values.mesh.provider "asm") (eq .Values.lanes.mode "strict") -}}
{{- if and .Release.IsUpgrade .Values.routing.enabled $guarded -}}
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
{{- $live := dict -}}
{{- range (dig "spec" "rules" (list dict) $route | last).backendRefs -}}
{{- $_ := set $live (regexReplaceAll "^.*-lane-" .name "") .weight -}}
{{- end -}}
{{- range (dig "spec" "http" (list dict) $route | last).route -}}
{{- $_ := set $live (dig "destination" "subset" "" .) (default 0 .weight) -}}
{{- end -}}
{{- toJson $live -}}
{{- end -}}
