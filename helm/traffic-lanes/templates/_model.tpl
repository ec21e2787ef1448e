{{/*
The model: what the values say, checked and completed once, as JSON. Every template starts from it:

  name, provider, permissive, header, baseline, label, retryOn
  lanes      [{name, weight, baseline}], in order of name
  services   [{name, host, gatewayPort, versions, upstreams, callers, entry, pods, …}], in the order
             in which a request meets them; with the chart's defaults below the service's own keys
  pods       [{name, version, …}]: what the pods of one version get: the service's keys, and on top
             those under its `perVersion`
  entry      the service that the gateway calls
  doors      [{namespace, labels, service}]: where the gateway's pods run, their labels, the Service
             in front of them
*/}}
{{- define "traffic-lanes.model" -}}
{{- include "traffic-lanes.validate" . -}}
{{- $values := .Values -}}
{{- $namespace := .Release.Namespace -}}
{{- $first := dict -}}
{{- $services := list -}}
{{- $entry := include "traffic-lanes.entry" $values -}}
{{- range $name := (include "traffic-lanes.order" $values | fromJsonArray) -}}
{{- $service := index $values.services $name -}}
{{- $callers := list -}}
{{- range $caller, $other := $values.services -}}
{{- if has $name $other.upstreams }}{{ $callers = append $callers $caller }}{{ end -}}
{{- end -}}
{{- $pods := list -}}
{{- range $version := $service.versions -}}
{{- $special := default dict (index (default dict $service.perVersion) $version) -}}
{{- $pod := mergeOverwrite (deepCopy $values.defaults) (omit (deepCopy $service) "perVersion" "versions") (deepCopy $special) -}}
{{- $pods = append $pods (mergeOverwrite $pod (dict "name" (printf "%s-%s" $name $version) "version" $version)) -}}
{{- end -}}
{{- $shared := mergeOverwrite (deepCopy $values.defaults) (omit (deepCopy $service) "perVersion") -}}
{{- $services = append $services (mergeOverwrite $shared (dict
      "name" $name
      "host" (printf "%s.%s.svc.%s" $name $namespace $values.clusterDomain)
      "gatewayPort" (ternary $service.port 0 (hasKey $service "port"))
      "upstreams" (default list $service.upstreams)
      "callers" $callers
      "entry" (eq $name $entry)
      "pods" $pods)) -}}
{{- if eq $name $entry }}{{ $first = last $services }}{{ end -}}
{{- end -}}
{{- $lanes := list -}}
{{- range $name, $weight := $values.lanes.weights -}}
{{- $lanes = append $lanes (dict "name" $name "weight" $weight "baseline" (eq $name $values.lanes.baseline)) -}}
{{- end -}}
{{- $gateway := $values.gateway -}}
{{- $doors := list (dict "namespace" $gateway.namespace "labels" $gateway.selector "service" "istio-ingressgateway") -}}
{{- if $gateway.parentRefs }}{{ $doors = list }}{{ end -}}
{{- range $gateway.parentRefs -}}
{{- $doors = append $doors (dict
      "namespace" (.namespace | default $namespace)
      "labels" (dict "gateway.networking.k8s.io/gateway-name" .name)
      "service" (printf "%s-istio" .name)) -}}
{{- end -}}
{{- dict
      "name" (include "traffic-lanes.name" .)
      "provider" $values.mesh.provider
      "permissive" (eq $values.lanes.mode "permissive")
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

{{/* Names of the services in the order in which a request meets them, as a JSON list; services in
or behind a circle of upstreams are left out. */}}
{{- define "traffic-lanes.order" -}}
{{- $services := .services -}}
{{- $placed := list -}}
{{- range $services -}}
{{- $next := list -}}
{{- range $name, $service := $services -}}
{{- $ready := not (has $name $placed) -}}
{{- range $caller, $other := $services -}}
{{- if and (has $name $other.upstreams) (not (has $caller $placed)) }}{{ $ready = false }}{{ end -}}
{{- end -}}
{{- if $ready }}{{ $next = append $next $name }}{{ end -}}
{{- end -}}
{{- $placed = concat $placed $next -}}
{{- end -}}
{{- toJson $placed -}}
{{- end -}}

{{/* The service that the gateway calls: the one named, else the only one that no other calls. */}}
{{- define "traffic-lanes.entry" -}}
{{- $called := list -}}
{{- range .services }}{{ $called = concat $called (default list .upstreams) }}{{ end -}}
{{- $first := list -}}
{{- range $name, $_ := .services -}}
{{- if not (has $name $called) }}{{ $first = append $first $name }}{{ end -}}
{{- end -}}
{{- .gateway.service | default ($first | join " ") -}}
{{- end -}}
