{{/*
The manifests that `lanes verify` reads in `helm test`, as a JSON list of texts. Each text fits into a ConfigMap (1
MiB). They have the resources that route requests, and the pods' labels and calls. The plan needs workloads and
routing, so both are rendered even if the release has only one of them, and a release of one lane includes the base.
Retries, and the TLS and parentRefs of an Istio gateway, are left out, since the plan does not need them.
Usage: {{ include "traffic-lanes.verifyManifests" . | fromJsonArray }}
*/}}
{{- define "traffic-lanes.verifyManifests" -}}
{{- $model := .Model -}}
{{- $values := omit .Values -}}
{{- $_ := set $values "workloads" (dict "enabled" true) -}}
{{- $_ := set $values "routing" (dict "enabled" true) -}}
{{- if eq $model.mesh.routeKind "VirtualService" -}}
{{- $gateway := omit .Values.gateway "parentRefs" "existing" -}}
{{- $_ := set $values "gateway" (set $gateway "tls" dict) -}}
{{- end -}}
{{- $context := omit . "Values" -}}
{{- if $model.only -}}
{{- $_ := set $values "lanes" (set (omit .Values.lanes "only") "only" "") -}}
{{- $context = omit $context "Model" -}}
{{- end -}}
{{- $_ := set $context "Values" $values -}}
{{- $folder := .Template.BasePath -}}
{{- $hosts := dict -}}
{{- range $model.services }}{{ $_ := set $hosts .name true }}{{ end -}}
{{- $address := printf `^(http://)?([a-z0-9-]+)([.](%s)([.]svc([.]%s)?)?)?(:[0-9]+)?(/[^?#]*)?$`
      (values $model.namespaces | uniq | join "|") (regexQuoteMeta .Values.clusterDomain) -}}
{{- $texts := list -}}
{{- $resources := list -}}
{{- $size := 0 -}}
{{- range list "instrumentation" "service" "destinationrule" "propagation" "virtualservice" "gateway"
      "gatewayapi" "referencegrant" "deployment" -}}
{{- range splitList "\n---\n" (include (printf "%s/%s.yaml" $folder .) $context) }}
{{- $document := fromYaml . -}}
{{- range $document.items | default (ternary (list $document) list (not (empty $document))) -}}
{{- $resource := include "traffic-lanes.verifyResource" (dict "resource" . "hosts" $hosts "address" $address) -}}
{{- $size = add $size (len $resource) -}}
{{- if gt $size 900000 -}}
{{- $texts = append $texts (join "\n---\n" $resources) -}}
{{- $resources = list -}}
{{- $size = len $resource -}}
{{- end -}}
{{- $resources = append $resources $resource -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- append $texts (join "\n---\n" $resources) | toJson -}}
{{- end -}}

{{/*
The fields of a resource that a plan needs, as one line of JSON, since there may be thousands. A Deployment has one pod;
routes have no retries, and DestinationRules no outlier detection settings. `address` is a regular expression for
addresses of Services, and `hosts` has the names of the release's services.
Usage: {{ include "traffic-lanes.verifyResource" (dict "resource" $resource "hosts" $hosts "address" $address) }}
*/}}
{{- define "traffic-lanes.verifyResource" -}}
{{- $resource := .resource -}}
{{- $spec := $resource.spec -}}
{{- if eq $resource.kind "Deployment" -}}
{{- $pod := include "traffic-lanes.verifyPod" (merge (dict "pod" $spec.template) .) | fromJson -}}
{{- $spec = dict "replicas" (min 1 $spec.replicas) "template" $pod -}}
{{- else if $spec.subsets -}}
{{- $_ := set $spec "trafficPolicy" (dict "outlierDetection" dict) -}}
{{- else if $spec.http -}}
{{- range $spec.http }}{{ $_ := unset . "retries" }}{{ end -}}
{{- end -}}
{{- $metadata := pick $resource.metadata "name" "namespace" -}}
{{- with pick ($resource.metadata.annotations | default dict) "traffic-lanes/calls" -}}
{{- $_ := set $metadata "annotations" . -}}
{{- end -}}
{{- merge (dict "metadata" $metadata "spec" $spec) (pick $resource "apiVersion" "kind") | toJson -}}
{{- end -}}

{{/*
The fields of a pod that a plan needs, as JSON: labels, ports, upstreams, and signs that the pod propagates baggage.
Usage: {{ include "traffic-lanes.verifyPod" (dict "pod" $template "hosts" $hosts "address" $address) | fromJson }}
*/}}
{{- define "traffic-lanes.verifyPod" -}}
{{- $container := first .pod.spec.containers -}}
{{- $labels := omit .pod.metadata.labels "app.kubernetes.io/name" "app.kubernetes.io/part-of" -}}
{{- $metadata := dict "labels" $labels -}}
{{- range $key, $value := .pod.metadata.annotations -}}
{{- if hasPrefix "instrumentation.opentelemetry.io/inject-" $key -}}
{{- $_ := set $metadata "annotations" (dict $key $value) -}}
{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- range $container.ports -}}
{{- if ne .name "management" }}{{ $ports = append $ports (pick . "name" "containerPort") }}{{ end -}}
{{- end -}}
{{- $kept := dict "name" $container.name "image" "" "ports" $ports -}}
{{- $env := merge (dict "env" $container.env "labels" $labels) . -}}
{{- with include "traffic-lanes.verifyEnv" $env | fromJsonArray }}{{ $_ := set $kept "env" . }}{{ end -}}
{{- dict "metadata" $metadata "spec" (dict "containers" (list $kept)) | toJson -}}
{{- end -}}

{{/*
Variables from which a plan reads a pod's calls and its propagators, as a JSON list. References in values are replaced.
`app` and `version` are left out if the labels have the same values.
Usage: {{ include "traffic-lanes.verifyEnv" (dict "env" $env "labels" $labels "hosts" $hosts
  "address" $address) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.verifyEnv" -}}
{{- $root := . -}}
{{- $read := list "upstream_url" "OTEL_PROPAGATORS" "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" -}}
{{- $values := dict -}}
{{- $kept := list -}}
{{- range .env -}}
{{- $value := .value | default "" -}}
{{- if and (contains "$(" $value) (not (contains "$$" $value)) -}}
{{- range $name, $known := $values }}{{ $value = replace (printf "$(%s)" $name) $known $value }}{{ end -}}
{{- end -}}
{{- if hasKey . "value" }}{{ $_ := set $values .name $value }}{{ end -}}
{{- $named := and (has .name (list "app" "version")) (ne $value (get $root.labels .name)) -}}
{{- $calls := and (contains ":" $value) (not (hasPrefix "OTEL_" .name)) (regexMatch $root.address $value) -}}
{{- if $calls }}{{ $calls = hasKey $root.hosts (regexReplaceAll $root.address $value "${2}") }}{{ end -}}
{{- $isRead := has .name $read -}}
{{- if or $named $calls $isRead -}}
{{- $kept = append $kept (ternary (dict "name" .name "value" $value) . (hasKey . "value")) -}}
{{- end -}}
{{- end -}}
{{- toJson $kept -}}
{{- end -}}
