{{/*
What the judge reads of this release, from the root: the resources that lead requests, and of pods what
tells who they are and whom they call. The plan is made from both halves, so a test of one half judges
the other too, and a lane's own release has the base beside it. How requests reach an Istio Gateway is
no part of the plan, nor what is tried again. A JSON list of texts, each small enough for a ConfigMap,
which holds 1 MiB.
*/}}
{{- define "traffic-lanes.judged" -}}
{{- $model := .Values.model -}}
{{- $values := omit .Values "model" -}}
{{- $_ := set $values "workloads" (dict "enabled" true) -}}
{{- $_ := set $values "routing" (dict "enabled" true) -}}
{{- if eq $model.mesh.hops "VirtualService" -}}
{{- $gateway := omit .Values.gateway "parentRefs" "existing" -}}
{{- $_ := set $values "gateway" (set $gateway "tls" dict) -}}
{{- end -}}
{{- $_ := set $values "model" $model -}}
{{- if $model.only -}}
{{- $_ := set (unset $values "model") "lanes" (set (omit .Values.lanes "only") "only" "") -}}
{{- end -}}
{{- $context := omit . "Values" -}}
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
{{- $resource := include "traffic-lanes.judgedOf" (dict "resource" . "hosts" $hosts "address" $address) -}}
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

{{/* What a plan needs of a resource, in one line of JSON, for there may be thousands: of a Deployment one
pod; of routes and subsets what chooses one, and not what is tried again, or when a pod is left out.
From {resource, hosts, address}: by the latter two, addresses of the release's Services are known. */}}
{{- define "traffic-lanes.judgedOf" -}}
{{- $resource := .resource -}}
{{- $spec := $resource.spec -}}
{{- if eq $resource.kind "Deployment" -}}
{{- $pod := include "traffic-lanes.judgedPod" (merge (dict "pod" $spec.template) .) | fromJson -}}
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

{{/* What a plan needs of a pod, from {pod, hosts, address}: the labels that choose it, its ports, whom it
calls, and what carries baggage. */}}
{{- define "traffic-lanes.judgedPod" -}}
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
{{- $judged := dict "name" $container.name "image" "" "ports" $ports -}}
{{- $env := merge (dict "env" $container.env "labels" $labels) . -}}
{{- with include "traffic-lanes.judgedEnv" $env | fromJsonArray }}{{ $_ := set $judged "env" . }}{{ end -}}
{{- dict "metadata" $metadata "spec" (dict "containers" (list $judged)) | toJson -}}
{{- end -}}

{{/* The variables by which a plan knows whom a pod calls and what it carries, as a JSON list, from {env,
labels, hosts, address}: what a value refers to is filled in, and nothing else of the pod is told. It is
called as its labels say, unless a variable says otherwise. */}}
{{- define "traffic-lanes.judgedEnv" -}}
{{- $root := . -}}
{{- $telling := list "upstream_url" "OTEL_PROPAGATORS" "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" -}}
{{- $values := dict -}}
{{- $judged := list -}}
{{- range .env -}}
{{- $value := .value | default "" -}}
{{- if and (contains "$(" $value) (not (contains "$$" $value)) -}}
{{- range $name, $known := $values }}{{ $value = replace (printf "$(%s)" $name) $known $value }}{{ end -}}
{{- end -}}
{{- if hasKey . "value" }}{{ $_ := set $values .name $value }}{{ end -}}
{{- $named := and (has .name (list "app" "version")) (ne $value (get $root.labels .name)) -}}
{{- $calls := and (contains ":" $value) (not (hasPrefix "OTEL_" .name)) (regexMatch $root.address $value) -}}
{{- if $calls }}{{ $calls = hasKey $root.hosts (regexReplaceAll $root.address $value "${2}") }}{{ end -}}
{{- $tells := has .name $telling -}}
{{- if or $named $calls $tells -}}
{{- $judged = append $judged (ternary (dict "name" .name "value" $value) . (hasKey . "value")) -}}
{{- end -}}
{{- end -}}
{{- toJson $judged -}}
{{- end -}}
