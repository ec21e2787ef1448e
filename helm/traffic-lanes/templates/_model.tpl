{{/*
The model: what the values say, checked and completed once, as JSON. Every template starts from it:

  name, provider, permissive, header, baseline, label, retryOn
  lanes      [{name, weight, baseline}], in order of name: all, or `only`
  only       the lane that this release adds to a base's; empty: the release is a base, and whole
  services   [{name, host, gatewayPort, versions, own, lanes, upstreams, callers, entry, pods, …}], in
             the order in which a request meets them; with the chart's defaults below the service's
             own keys. versions: those that it has, by name; own: those that this release brings;
             lanes: those that it has a rule for
  pods       [{name, version, …}]: what the pods of one version get: the service's keys, and on top
             those of the version
  entry      the service that the gateway calls
  doors      [{namespace, labels, service, port}]: where the gateway's pods run, their labels, the
             Service in front of them and its port
*/}}
{{- define "traffic-lanes.model" -}}
{{- /* Made for the first template that asks, and kept where the others find it. */ -}}
{{- if not (hasKey .Values "model") }}{{ $_ := set .Values "model" (include "traffic-lanes.made" .) }}{{ end -}}
{{- .Values.model -}}
{{- end -}}

{{- define "traffic-lanes.made" -}}
{{- include "traffic-lanes.withoutNulls" .Values -}}
{{- $only := .Values.lanes.only -}}
{{- if and $only (not (hasKey .Values.lanes.weights $only)) }}{{ $_ := set .Values.lanes.weights $only 0 }}{{ end -}}
{{- include "traffic-lanes.validate" . -}}
{{- $values := .Values -}}
{{- $namespace := .Release.Namespace -}}
{{- $permissive := eq $values.lanes.mode "permissive" -}}
{{- $everywhere := or (not $permissive) (eq $values.lanes.rules "all") -}}
{{- $first := dict -}}
{{- $services := list -}}
{{- $entry := include "traffic-lanes.entry" $values -}}
{{- $callers := include "traffic-lanes.callers" $values.services | fromJson -}}
{{- range $name := (include "traffic-lanes.order" $values.services | fromJsonArray) -}}
{{- $service := index $values.services $name -}}
{{- $layers := list $values.defaults (omit $service "versions") -}}
{{- $versions := keys $service.versions | sortAlpha -}}
{{- $own := ternary (ternary (list $only) list (has $only $versions)) $versions (not (empty $only)) -}}
{{- $pods := list -}}
{{- range $version := $own -}}
{{- $special := index $service.versions $version -}}
{{- $pod := include "traffic-lanes.merged" (append $layers $special) | fromJson -}}
{{- $pods = append $pods (mergeOverwrite $pod (dict "name" (printf "%s-%s" $name $version) "version" $version)) -}}
{{- end -}}
{{- $shared := include "traffic-lanes.merged" $layers | fromJson -}}
{{- $services = append $services (mergeOverwrite $shared (dict
      "name" $name
      "host" (printf "%s.%s.svc.%s" $name $namespace $values.clusterDomain)
      "gatewayPort" (default 0 $service.port)
      "versions" $versions
      "own" $own
      "lanes" (ternary (keys $values.lanes.weights | sortAlpha) $versions $everywhere)
      "upstreams" (default list $service.upstreams)
      "callers" (get $callers $name | default list)
      "entry" (eq $name $entry)
      "pods" $pods)) -}}
{{- if eq $name $entry }}{{ $first = last $services }}{{ end -}}
{{- end -}}
{{- $lanes := list -}}
{{- range $name, $weight := ternary (dict $only 0) $values.lanes.weights (not (empty $only)) -}}
{{- $lanes = append $lanes (dict "name" $name "weight" $weight "baseline" (eq $name $values.lanes.baseline)) -}}
{{- end -}}
{{- $gateway := $values.gateway -}}
{{- $doors := list (dict
      "namespace" $gateway.namespace
      "labels" ($gateway.selector | default (dict "istio" "ingressgateway"))
      "service" "istio-ingressgateway"
      "port" (ternary $gateway.tls.port $gateway.port (not (empty $gateway.tls.secret)))) -}}
{{- if $gateway.parentRefs }}{{ $doors = list }}{{ end -}}
{{- range $gateway.parentRefs -}}
{{- $doors = append $doors (dict
      "namespace" (.namespace | default $namespace)
      "labels" (dict "gateway.networking.k8s.io/gateway-name" .name)
      "service" (printf "%s-istio" .name)
      "port" (.port | default $gateway.port)) -}}
{{- end -}}
{{- dict
      "name" (include "traffic-lanes.name" .)
      "provider" $values.mesh.provider
      "permissive" $permissive
      "only" $only
      "header" $values.lanes.header
      "baseline" $values.lanes.baseline
      "lanes" $lanes
      "services" $services
      "label" $values.lanes.label
      "retryOn" (join "," $values.lanes.retryOn)
      "entry" $first
      "doors" $doors
    | toJson -}}
{{- end -}}

{{/*
Layers of a service's keys as one, the later over the earlier, as JSON. Null takes a key away. A
probe's handler replaces one of another kind, and a variable the one of its name, not to end up with
two handlers or sources: Kubernetes allows one.
*/}}
{{- define "traffic-lanes.merged" -}}
{{- $merged := dict -}}
{{- range $layer := deepCopy . -}}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" -}}
{{- $handlers := include "traffic-lanes.handlers" (get $layer $probe) | fromJsonArray -}}
{{- range $keys := list (get $merged $probe) (get $layer $probe) -}}
{{- range $other := list "tcpSocket" "exec" "grpc" "httpGet" -}}
{{- if and $keys $handlers (ne $other (first $handlers)) }}{{ $_ := unset $keys $other }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $env := default dict $merged.env -}}
{{- range $name, $_ := $layer.env }}{{ $_ := unset $env $name }}{{ end -}}
{{- $merged = mergeOverwrite $merged $layer -}}
{{- end -}}
{{- $json := toJson $merged -}}
{{- if contains ":null" $json }}{{ $json = include "traffic-lanes.compact" $merged }}{{ end -}}
{{- $json -}}
{{- end -}}

{{/* The handlers that a probe names, as a JSON list. httpGet is last: the chart's own probes have it,
and Helm merges them with those of `defaults` that name another. */}}
{{- define "traffic-lanes.handlers" -}}
{{- $probe := default dict . -}}
{{- $named := list -}}
{{- range $handler := list "tcpSocket" "exec" "grpc" "httpGet" -}}
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
their ways in, and versions. Helm does so by itself for keys of the chart's own values only.
*/}}
{{- define "traffic-lanes.withoutNulls" -}}
{{- $weights := .lanes.weights -}}
{{- $services := .services -}}
{{- $gone := list -}}
{{- range $lane, $weight := $weights -}}
{{- if kindIs "invalid" $weight }}{{ $gone = append $gone $lane }}{{ $_ := unset $weights $lane }}{{ end -}}
{{- end -}}
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

{{/* The services that call each service, by its name, as JSON; from the services. */}}
{{- define "traffic-lanes.callers" -}}
{{- $callers := dict -}}
{{- range $name, $service := . -}}
{{- range $upstream := $service.upstreams -}}
{{- $_ := set $callers $upstream (append (get $callers $upstream | default list) $name) -}}
{{- end -}}
{{- end -}}
{{- toJson $callers -}}
{{- end -}}

{{/* Names of the services in the order in which a request meets them, as a JSON list; from the
services. Those in or behind a circle of upstreams are left out. */}}
{{- define "traffic-lanes.order" -}}
{{- $services := . -}}
{{- $unplaced := dict -}}
{{- $next := list -}}
{{- $callers := include "traffic-lanes.callers" $services | fromJson -}}
{{- range $name, $_ := $services -}}
{{- $count := get $callers $name | default list | len -}}
{{- $_ := set $unplaced $name $count -}}
{{- if not $count }}{{ $next = append $next $name }}{{ end -}}
{{- end -}}
{{- $placed := list -}}
{{- range $services -}}
{{- if not $next }}{{ break }}{{ end -}}
{{- $placed = concat $placed $next -}}
{{- $called := list -}}
{{- range $name := $next -}}
{{- range $upstream := (index $services $name).upstreams -}}
{{- $count := sub (get $unplaced $upstream) 1 -}}
{{- $_ := set $unplaced $upstream $count -}}
{{- if and (not $count) (hasKey $services $upstream) }}{{ $called = append $called $upstream }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $next = sortAlpha $called -}}
{{- end -}}
{{- toJson $placed -}}
{{- end -}}

{{/* The service that the gateway calls: the one named, else the only one that no other calls. */}}
{{- define "traffic-lanes.entry" -}}
{{- $callers := include "traffic-lanes.callers" .services | fromJson -}}
{{- $first := list -}}
{{- range $name, $_ := .services -}}
{{- if not (hasKey $callers $name) }}{{ $first = append $first $name }}{{ end -}}
{{- end -}}
{{- .gateway.service | default ($first | join " ") -}}
{{- end -}}
