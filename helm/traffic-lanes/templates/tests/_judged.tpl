{{/*
What the judge reads of this release, from the root: the resources that lead requests, and of pods what
tells who they are and whom they call. The plan is made from both halves, so a test of one half judges
the other too, and a lane's own release has the base beside it. How requests reach an Istio Gateway is
no part of the plan, nor what is tried again.
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
{{- range list "instrumentation" "service" "destinationrule" "propagation" "virtualservice" "gateway"
      "gatewayapi" "deployment" -}}
{{- range splitList "\n---\n" (include (printf "%s/%s.yaml" $folder .) $context) }}
{{- with fromYaml . }}
---
{{ include "traffic-lanes.judgedOf" . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What a plan needs of a resource, in one line of JSON, for there may be thousands: of a Deployment one
pod; of routes and subsets what chooses one, and not what is tried again, or when a pod is left out. */}}
{{- define "traffic-lanes.judgedOf" -}}
{{- $spec := .spec -}}
{{- if eq .kind "Deployment" -}}
{{- $pod := include "traffic-lanes.judgedPod" .spec.template | fromJson -}}
{{- $spec = dict "replicas" (min 1 .spec.replicas) "template" $pod -}}
{{- else if .spec.subsets -}}
{{- range .spec.subsets -}}
{{- if hasKey . "trafficPolicy" }}{{ $_ := set .trafficPolicy "outlierDetection" dict }}{{ end -}}
{{- end -}}
{{- else if .spec.http -}}
{{- range .spec.http }}{{ $_ := unset . "retries" }}{{ end -}}
{{- end -}}
{{- $metadata := pick .metadata "name" "namespace" -}}
{{- with pick (.metadata.annotations | default dict) "traffic-lanes/calls" -}}
{{- $_ := set $metadata "annotations" . -}}
{{- end -}}
{{- merge (dict "metadata" $metadata "spec" $spec) (pick . "apiVersion" "kind") | toJson -}}
{{- end -}}

{{/* What a plan needs of a pod: the labels that choose it, its ports, whom it calls, and what carries
baggage. It is called as its labels say, unless a variable says otherwise. */}}
{{- define "traffic-lanes.judgedPod" -}}
{{- $container := first .spec.containers -}}
{{- $labels := .metadata.labels -}}
{{- $env := list -}}
{{- range $container.env -}}
{{- $named := and (has .name (list "app" "version")) (ne .value (get $labels .name)) -}}
{{- if or $named (regexMatch "^(upstream_url|OTEL_(PROPAGATORS|PYTHON_DISABLED_INSTRUMENTATIONS))$" .name) -}}
{{- $env = append $env . -}}
{{- end -}}
{{- end -}}
{{- if contains "$(" (toJson $env) }}{{ $env = $container.env }}{{ end -}}
{{- $metadata := dict "labels" (omit $labels "app.kubernetes.io/name" "app.kubernetes.io/part-of") -}}
{{- range $key, $value := .metadata.annotations -}}
{{- if hasPrefix "instrumentation.opentelemetry.io/inject-" $key -}}
{{- $_ := set $metadata "annotations" (dict $key $value) -}}
{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- range $container.ports -}}
{{- if ne .name "management" }}{{ $ports = append $ports (pick . "name" "containerPort") }}{{ end -}}
{{- end -}}
{{- $judged := dict "name" $container.name "image" "" "ports" $ports -}}
{{- with $env }}{{ $_ := set $judged "env" . }}{{ end -}}
{{- dict "metadata" $metadata "spec" (dict "containers" (list $judged)) | toJson -}}
{{- end -}}
