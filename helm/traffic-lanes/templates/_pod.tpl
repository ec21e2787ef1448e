{{/*
Image reference. `tag` applies where the image has none.
Usage: {{ include "traffic-lanes.image" (dict "image" $pod.image "tag" .Chart.AppVersion) }}
*/}}
{{- define "traffic-lanes.image" -}}
{{- $image := .image -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
{{- with $image.tag | default .tag }}:{{ . }}{{ end -}}
{{- end -}}
{{- end -}}

{{/*
Name of a service's ServiceAccount: `default` if the chart creates none and the values name none.
Usage: {{ include "traffic-lanes.serviceAccountName" $service }}
*/}}
{{- define "traffic-lanes.serviceAccountName" -}}
{{- .serviceAccount.name | default (ternary .name "default" .serviceAccount.create) -}}
{{- end -}}

{{/*
Labels of a pod.
Usage: {{ include "traffic-lanes.podLabels" (dict "model" $model "service" $service "pod" $pod) }}
*/}}
{{- define "traffic-lanes.podLabels" -}}
app: {{ toYaml .service.name }}
version: {{ toYaml .pod.version }}
{{- $context := dict "model" .model "service" .service "version" .pod.version }}
{{- with include (printf "traffic-lanes.%s.podLabels" .model.provider) $context | trim }}
{{ . }}
{{- end }}
app.kubernetes.io/name: {{ toYaml .service.name }}
app.kubernetes.io/version: {{ toYaml .pod.version }}
app.kubernetes.io/part-of: {{ toYaml .model.name }}
{{- $written := concat (list "version" "app.kubernetes.io/version") .model.mesh.podLabels }}
{{- if not (has .model.label $written) }}
{{ toYaml .model.label }}: {{ toYaml .pod.version }}
{{- end }}
{{- with .pod.podLabels }}
{{ include "traffic-lanes.yaml" . }}
{{- end }}
{{- end -}}

{{/*
Number of pods of a version. An autoscaled version keeps its current number, and starts with its minimum. Without
this, it would have one pod until the autoscaler acts.
Usage: {{ include "traffic-lanes.replicas" (dict "service" $service "pod" $pod) }}
*/}}
{{- define "traffic-lanes.replicas" -}}
{{- if .pod.autoscaling.enabled -}}
{{- $live := lookup "apps/v1" "Deployment" .service.namespace .pod.name -}}
{{ max .pod.autoscaling.minReplicas (dig "spec" "replicas" 0 $live) }}
{{- else -}}
{{ .pod.replicas }}
{{- end -}}
{{- end -}}

{{/*
Annotations of a pod. They keep the sidecar running while the pod stops: until the last connection ends, and at least
until the mesh has removed the pod from its endpoints.
Usage: {{ include "traffic-lanes.podAnnotations" (dict "root" $ "model" $model "service" $service "pod" $pod) }}
*/}}
{{- define "traffic-lanes.podAnnotations" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $metadata := dict "EXIT_ON_ZERO_ACTIVE_CONNECTIONS" "true" -}}
{{- with .pod.drain }}{{ $_ := set $metadata "MINIMUM_DRAIN_DURATION" (printf "%vs" .) }}{{ end -}}
{{- $annotations := dict "proxy.istio.io/config" (dict "proxyMetadata" $metadata | toYaml) -}}
{{- if and (eq $otel.mode "operator") .pod.language -}}
{{- $inject := printf "instrumentation.opentelemetry.io/inject-%s" .pod.language -}}
{{- $injected := printf "%s-instrumentation" .model.name -}}
{{- if ne .service.namespace .model.namespace }}{{ $injected = printf "%s/%s" .model.namespace $injected }}{{ end -}}
{{- $_ := set $annotations $inject $injected -}}
{{- $_ := set $annotations "instrumentation.opentelemetry.io/container-names" "default" -}}
{{- end -}}
{{- mergeOverwrite $annotations (default dict .pod.podAnnotations) | include "traffic-lanes.yaml" -}}
{{- end -}}

{{/*
Environment of a pod's container; may be empty.
Usage: {{ include "traffic-lanes.env" (dict "root" $ "model" $model "service" $service "pod" $pod) }}
*/}}
{{- define "traffic-lanes.env" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $more := dict -}}
{{- if and (eq $otel.mode "none") .pod.sample -}}
{{- $_ := set $more "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" "*" -}}
{{- end -}}
{{- $injected := and (eq $otel.mode "operator") .pod.language -}}
{{- if and $otel.collector (or (eq $otel.mode "image") $injected) -}}
{{- $more = include "traffic-lanes.telemetryEnv" . | fromYaml -}}
{{- end -}}
{{- if .pod.sample }}{{ include "traffic-lanes.sampleEnv" . }}{{ end -}}
{{- $env := mergeOverwrite $more (default dict .pod.env) -}}
{{- range $name := include "traffic-lanes.envOrder" $env | fromJsonArray }}
{{- $value := get $env $name }}
- name: {{ toYaml $name }}
  {{- if kindIs "map" $value }}
  {{- include "traffic-lanes.yaml" $value | nindent 2 }}
  {{- else }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | include "traffic-lanes.yaml" }}
  {{- end }}
{{- end }}
{{- end -}}

{{/*
Variables for OpenTelemetry: the collector and the resource attributes, as YAML, {name: value}. The Operator adds all
but the service's name and version: it would use the Deployment's name and the image's tag.
https://opentelemetry.io/docs/specs/semconv/resource/k8s/
Usage: {{ include "traffic-lanes.telemetryEnv" (dict "root" $ "service" $service "pod" $pod) | fromYaml }}
*/}}
{{- define "traffic-lanes.telemetryEnv" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $attributes := list (printf "service.version=%s" .pod.version) -}}
{{- if eq $otel.mode "image" -}}
{{- $attributes = append $attributes (printf "k8s.namespace.name=%s" .service.namespace) -}}
{{- $attributes = append $attributes (printf "k8s.deployment.name=%s" .pod.name) -}}
{{- $attributes = append $attributes "k8s.pod.name=$(POD_NAME)" -}}
{{- $attributes = append $attributes "k8s.node.name=$(NODE_NAME)" -}}
POD_NAME: {valueFrom: {fieldRef: {fieldPath: metadata.name}}}
NODE_NAME: {valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ include "traffic-lanes.yaml" $otel.collector }}
{{- end }}
OTEL_SERVICE_NAME: {{ toYaml .service.name }}
OTEL_RESOURCE_ATTRIBUTES: {{ join "," $attributes }}
{{- end -}}

{{/*
Host by which a service calls another: its name, with the namespace if the two services are in different ones.
Usage: {{ include "traffic-lanes.upstreamHost" (dict "model" $model "from" $service "to" $name) }}
*/}}
{{- define "traffic-lanes.upstreamHost" -}}
{{- $namespace := get .model.namespaces .to -}}
{{ .to }}{{ if ne $namespace .from.namespace }}.{{ $namespace }}{{ end }}
{{- end -}}

{{/*
Variables of the sample service.
Usage: {{ include "traffic-lanes.sampleEnv" (dict "model" $model "service" $service "pod" $pod) }}
*/}}
{{- define "traffic-lanes.sampleEnv" -}}
{{- $ports := dict -}}
{{- range .model.services }}{{ $_ := set $ports .name .port }}{{ end -}}
{{- $urls := list -}}
{{- range $upstream := .service.upstreams -}}
{{- $address := include "traffic-lanes.upstreamHost" (dict "model" $.model "from" $.service "to" $upstream) -}}
{{- $urls = append $urls (printf "http://%s:%v/" $address (get $ports $upstream)) -}}
{{- end -}}
{{- $port := (first .pod.container.ports).containerPort }}
- name: app
  value: {{ toYaml .service.name }}
- name: version
  value: {{ toYaml .pod.version }}
{{- with $urls }}
- name: upstream_url
  value: {{ join "," . }}
{{- end }}
{{- if ne .model.header "version" }}
- name: lane_header
  value: {{ toYaml .model.header }}
{{- end }}
{{- if ne (int $port) 8000 }}
- name: port
  value: {{ $port | toString | quote }}
{{- end }}
{{- if not (has (int .pod.managementPort) (list 0 8001)) }}
- name: management_port
  value: {{ .pod.managementPort | toString | quote }}
{{- end }}
{{- if and (hasKey .pod "drain") (ne (int .pod.drain) 5) }}
- name: drain
  value: {{ .pod.drain | toString | quote }}
{{- end }}
{{- range $name, $value := .pod.fault }}
- name: fault_{{ $name }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | include "traffic-lanes.yaml" }}
{{- end }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end -}}

{{/*
Names of variables in order, as a JSON list: alphabetical, but a variable comes after those that its value refers to, as
in $(HOST).
Usage: {{ include "traffic-lanes.envOrder" $env | fromJsonArray }}
*/}}
{{- define "traffic-lanes.envOrder" -}}
{{- $env := . -}}
{{- $placed := list -}}
{{- $left := keys $env | sortAlpha -}}
{{- if not (contains "$(" (toJson $env)) }}{{ $placed = $left }}{{ $left = list }}{{ end -}}
{{- range $env -}}
{{- $waiting := list -}}
{{- range $name := $left -}}
{{- $waits := false -}}
{{- range $other := without $left $name -}}
{{- if contains (printf "$(%s)" $other) (get $env $name | toString) }}{{ $waits = true }}{{ end -}}
{{- end -}}
{{- if $waits }}{{ $waiting = append $waiting $name }}{{ else }}{{ $placed = append $placed $name }}{{ end -}}
{{- end -}}
{{- $left = $waiting -}}
{{- end -}}
{{- concat $placed $left | toJson -}}
{{- end -}}

{{/*
Fields of an object of the Kubernetes API, as YAML: only those of `only`, or all of them with those of `first` first.
Usage: {{ include "traffic-lanes.fields" (dict "of" $pod.pod "only" (list "securityContext")) }}
*/}}
{{- define "traffic-lanes.fields" -}}
{{- $of := .of | default dict -}}
{{- $keys := concat (.only | default .first) (ternary list (keys $of | sortAlpha) (hasKey . "only")) | uniq -}}
{{- range $key := $keys -}}
{{- $value := get $of $key -}}
{{- if not (hasKey $of $key) -}}
{{- else if and (kindIs "slice" $value) $value (kindIs "map" (first $value)) (hasKey (first $value) "name") }}
{{ $key }}:
  {{- include "traffic-lanes.namedList" $value | trim | nindent 2 }}
{{- else }}
{{ dict $key $value | include "traffic-lanes.yaml" | trim }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
List of members with names, as YAML. Each member begins with its name.
Usage: {{ include "traffic-lanes.namedList" $ports | trim | nindent 4 }}
*/}}
{{- define "traffic-lanes.namedList" -}}
{{- range . }}
- name: {{ include "traffic-lanes.yaml" .name }}
  {{- with omit . "name" }}
  {{- include "traffic-lanes.yaml" . | trim | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}
