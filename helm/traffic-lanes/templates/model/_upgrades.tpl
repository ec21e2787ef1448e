{{/*
What an upgrade would make worse for requests that the gateway puts into lanes: a lane that goes, or comes with
a weight before it has pods, at all or at one service, and a version that strict mode then lacks. Proxies learn
of subsets, rules and pods one after the other, whatever the order in which Helm applies them. Meanwhile
such requests fail, unless the provider's rules fall back, or they fail already. Only an upgrade by Helm
sees the cluster.
Usage: {{ include "traffic-lanes.checks.upgrade" . }}
*/}}
{{- define "traffic-lanes.checks.upgrade" -}}
{{- $model := .Model -}}
{{- if and .Release.IsUpgrade .Values.routing.enabled (not $model.mesh.fallsBack) (not $model.only) -}}
{{- $weights := .Values.lanes.weights -}}
{{- $live := include "traffic-lanes.liveWeights" . | fromJson }}
{{- range $lane, $weight := $live }}
{{- if and $weight (not (hasKey $weights $lane)) }}
- lanes.weights lacks {{ $lane }}, which has {{ $weight }}% of the requests now. Set its weight to 0 first, and
  remove the lane with the next upgrade.
{{- end }}
{{- end }}
{{- range $lane, $weight := ternary $weights dict (not (empty $live)) }}
{{- if and $weight (not (hasKey $live $lane)) }}
- lanes.weights: the lane {{ $lane }} is new. Set its weight to 0 first, and to {{ $weight }} with the next
  upgrade, when all pods have rolled out.
{{- end }}
{{- end }}
{{- $ruled := include "traffic-lanes.liveRules" . | fromJson }}
{{- $deployed := include "traffic-lanes.liveVersions" . | fromJson }}
{{- $failing := include "traffic-lanes.liveFailures" (dict "root" . "deployed" $deployed) | fromJson }}
{{- range $service := $model.services }}
{{- $key := printf "%s/%s" $service.namespace $service.name }}
{{- $lanes := get $ruled $key | default list }}
{{- $lost := get $failing $key | default list }}
{{- range $lane, $weight := ternary $weights dict (not (empty $lanes)) }}
{{- $drawn := and $weight (hasKey $live $lane) (not (has $lane $lost)) }}
{{- $new := and (has $lane $service.lanes) (not (has $lane $lanes)) }}
{{- $ready := and (not $model.permissive) (hasKey $deployed (list $key $lane | join "/")) }}
{{- if not $drawn }}
{{- else if not (or $model.permissive (has $lane $service.versions)) }}
- services.{{ $service.name }}: in strict mode lane {{ $lane }}, which has {{ $weight }}% of the requests, gets 503
  here without a version {{ $lane }}. Add the version, or set the lane's weight to 0 first.
{{- else if and $new (not $ready) }}
- services.{{ $service.name }}: lane {{ $lane }} is new here, and has {{ $weight }}% of the requests. Set
  its weight to 0 first, and to {{ $weight }} with the next upgrade, when all pods have rolled out.
{{- end }}
{{- end }}
{{- range $lane := ternary $lanes list $model.permissive }}
{{- $gone := and (hasKey $weights $lane) (not (has $lane $service.lanes)) }}
{{- if and $gone (get $live $lane) (not (has $lane $lost)) }}
- services.{{ $service.name }}: lane {{ $lane }} is removed here, and has {{ get $live $lane }}% of the
  requests now. Set its weight to 0 first, and remove it here with the next upgrade.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Versions that have a Deployment in the cluster, as JSON: {namespace/service/version: true}.
Usage: {{ include "traffic-lanes.liveVersions" . | fromJson }}
*/}}
{{- define "traffic-lanes.liveVersions" -}}
{{- $model := .Model -}}
{{- $deployed := dict -}}
{{- range $namespace := values $model.namespaces | uniq -}}
{{- range (lookup "apps/v1" "Deployment" $namespace "").items -}}
{{- $labels := dig "spec" "template" "metadata" "labels" dict . -}}
{{- $_ := set $deployed (list $namespace (get $labels "app") (get $labels $model.label) | join "/") true -}}
{{- end -}}
{{- end -}}
{{- toJson $deployed -}}
{{- end -}}

{{/*
Lanes that each service answers with 503 now, as JSON: {namespace/service: [lane]}. In strict mode, where
neither rule nor subset falls back, those without a version there.
Usage: {{ include "traffic-lanes.liveFailures" (dict "root" . "deployed" $deployed) | fromJson }}
*/}}
{{- define "traffic-lanes.liveFailures" -}}
{{- $deployed := .deployed -}}
{{- $model := .root.Model -}}
{{- $api := $model.mesh.networking -}}
{{- $there := and (eq $model.mesh.routeKind "VirtualService") (.root.Capabilities.APIVersions.Has $api) -}}
{{- $failing := dict -}}
{{- range $namespace := ternary (values $model.namespaces | uniq) list $there -}}
{{- $answered := deepCopy $deployed -}}
{{- range $rule := (lookup $api "VirtualService" $namespace "").items -}}
{{- range $rule.spec.http -}}
{{- $key := list $namespace $rule.metadata.name (get . "name") | join "/" -}}
{{- if dig "destination" "fallback" "" (first .route) }}{{ $_ := set $answered $key true }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $rule := (lookup $api "DestinationRule" $namespace "").items -}}
{{- $lost := list -}}
{{- range $rule.spec.subsets -}}
{{- $key := list $namespace $rule.metadata.name .name | join "/" -}}
{{- $strict := has .name (values (.labels | default dict)) -}}
{{- if and $strict (not (hasKey $answered $key)) }}{{ $lost = append $lost .name }}{{ end -}}
{{- end -}}
{{- $_ := set $failing (list $namespace $rule.metadata.name | join "/") $lost -}}
{{- end -}}
{{- end -}}
{{- toJson $failing -}}
{{- end -}}

{{/*
Lanes that the release's gateway sets now, as JSON: {lane: weight}; empty where it has no route yet, or another
kind of route. Routes are found by the release, for values rename them: with an entry's host or path.
Usage: {{ include "traffic-lanes.liveWeights" . | fromJson }}
*/}}
{{- define "traffic-lanes.liveWeights" -}}
{{- $attached := not (empty .Values.gateway.parentRefs) -}}
{{- $model := .Model -}}
{{- $header := $model.mesh.gatewayHeader -}}
{{- $api := ternary "gateway.networking.k8s.io/v1" $model.mesh.networking $attached -}}
{{- $kind := ternary "HTTPRoute" "VirtualService" $attached -}}
{{- $there := dict -}}
{{- if .Capabilities.APIVersions.Has $api }}{{ $there = lookup $api $kind .Release.Namespace "" }}{{ end -}}
{{- $live := dict -}}
{{- range $route := $there.items -}}
{{- $own := eq (dig "labels" "app.kubernetes.io/part-of" "" $route.metadata) $model.name -}}
{{- range ternary (dig "spec" "rules" (list dict) $route | last).backendRefs list $own -}}
{{- $weight := .weight -}}
{{- range .filters -}}
{{- range dig "requestHeaderModifier" "set" list . -}}
{{- if eq .name $header }}{{ $_ := set $live (splitList "=" .value | last) $weight }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range ternary (dig "spec" "http" (list dict) $route | last).route list $own -}}
{{- $weight := default 0 .weight -}}
{{- with get (dig "headers" "request" "set" dict .) $header -}}
{{- $_ := set $live (splitList "=" . | last) $weight -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $live -}}
{{- end -}}

{{/*
Lanes that each service has a rule for now, as JSON: {namespace/service: [lane]}.
Usage: {{ include "traffic-lanes.liveRules" . | fromJson }}
*/}}
{{- define "traffic-lanes.liveRules" -}}
{{- $mesh := .Model.mesh -}}
{{- $api := ternary "gateway.networking.k8s.io/v1" $mesh.networking (eq $mesh.routeKind "HTTPRoute") -}}
{{- $ruled := dict -}}
{{- $namespaces := values .Model.namespaces | uniq -}}
{{- range $namespace := ternary $namespaces list (.Capabilities.APIVersions.Has $api) -}}
{{- range $route := (lookup $api $mesh.routeKind $namespace "").items -}}
{{- range $parent := $route.spec.parentRefs -}}
{{- $lane := dig "metadata" "labels" "traffic-lanes/lane" "" $route -}}
{{- if eq (get $parent "kind") "Service" -}}
{{- $key := printf "%s/%s" $namespace $parent.name -}}
{{- $_ := set $ruled $key (append (get $ruled $key | default list) $lane) -}}
{{- end -}}
{{- end -}}
{{- $lanes := list -}}
{{- range $route.spec.http }}{{ $lanes = append $lanes (get . "name") }}{{ end -}}
{{- if $lanes }}{{ $_ := set $ruled (printf "%s/%s" $namespace $route.metadata.name) $lanes }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toJson $ruled -}}
{{- end -}}
