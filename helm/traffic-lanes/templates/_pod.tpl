{{/* An image's reference, from {image, tag}: the tag where the image names none. */}}
{{- define "traffic-lanes.image" -}}
{{- $image := .image -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
{{- with $image.tag | default .tag }}:{{ . }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The name of a service's ServiceAccount, from the service: where the chart creates none and none
is named, the one that every namespace has. */}}
{{- define "traffic-lanes.account" -}}
{{- .serviceAccount.name | default (ternary .name "default" .serviceAccount.create) -}}
{{- end -}}

{{/* Labels of a pod, from {model, service, pod}. */}}
{{- define "traffic-lanes.podLabels" -}}
app: {{ toYaml .service.name }}
version: {{ toYaml .pod.version }}
{{- $told := dict "model" .model "service" .service "version" .pod.version }}
{{- with include (printf "traffic-lanes.%s.podLabels" .model.provider) $told | trim }}
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

{{/* How many pods a version has, from {service, pod}. An autoscaled one keeps the number that it has, and
starts with its least: a field that is left out, or was there in the last release, means one pod
until the autoscaler acts. */}}
{{- define "traffic-lanes.replicas" -}}
{{- if .pod.autoscaling.enabled -}}
{{- $live := lookup "apps/v1" "Deployment" .service.namespace .pod.name -}}
{{ max .pod.autoscaling.minReplicas (dig "spec" "replicas" 0 $live) }}
{{- else -}}
{{ .pod.replicas }}
{{- end -}}
{{- end -}}

{{/* Annotations of a pod, from {root, model, service, pod}. The sidecar has to outlive the requests that the pod
finishes while it stops, and nothing else: it ends with the last connection, and not before the
mesh has taken the pod out of its lists. */}}
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

{{/* Environment of a pod's container, from {root, model, service, pod}; empty where there is none. */}}
{{- define "traffic-lanes.env" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $more := dict -}}
{{- if and (eq $otel.mode "none") .pod.sample -}}
{{- $_ := set $more "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" "*" -}}
{{- end -}}
{{- $injected := and (eq $otel.mode "operator") .pod.language -}}
{{- if and $otel.collector (or (eq $otel.mode "image") $injected) -}}
{{- $more = include "traffic-lanes.sends" . | fromYaml -}}
{{- end -}}
{{- if .pod.sample }}{{ include "traffic-lanes.told" . }}{{ end -}}
{{- $env := mergeOverwrite $more (default dict .pod.env) -}}
{{- range $name := include "traffic-lanes.inOrder" $env | fromJsonArray }}
{{- $value := get $env $name }}
- name: {{ toYaml $name }}
  {{- if kindIs "map" $value }}
  {{- include "traffic-lanes.yaml" $value | nindent 2 }}
  {{- else }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | include "traffic-lanes.yaml" }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Variables that tell whom a pod sends to and who it is, by name, from {root, service, pod}, as YAML:
https://opentelemetry.io/docs/specs/semconv/resource/k8s/. The Operator adds all but two by itself: it would
take the Deployment's name for the service's, and the image's tag for the version. */}}
{{- define "traffic-lanes.sends" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $told := list (printf "service.version=%s" .pod.version) -}}
{{- if eq $otel.mode "image" -}}
{{- $told = append $told (printf "k8s.namespace.name=%s" .service.namespace) -}}
{{- $told = append $told (printf "k8s.deployment.name=%s" .pod.name) -}}
{{- $told = append $told "k8s.pod.name=$(POD_NAME)" -}}
{{- $told = append $told "k8s.node.name=$(NODE_NAME)" -}}
POD_NAME: {valueFrom: {fieldRef: {fieldPath: metadata.name}}}
NODE_NAME: {valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ include "traffic-lanes.yaml" $otel.collector }}
{{- end }}
OTEL_SERVICE_NAME: {{ toYaml .service.name }}
OTEL_RESOURCE_ATTRIBUTES: {{ join "," $told }}
{{- end -}}

{{/* What a service calls another by, from {model, from, to}: its name, and where that differs its namespace. */}}
{{- define "traffic-lanes.address" -}}
{{- $namespace := get .model.namespaces .to -}}
{{ .to }}{{ if ne $namespace .from.namespace }}.{{ $namespace }}{{ end }}
{{- end -}}

{{/* What the sample is told by its environment, from {model, service, pod}. */}}
{{- define "traffic-lanes.told" -}}
{{- $ports := dict -}}
{{- range .model.services }}{{ $_ := set $ports .name .port }}{{ end -}}
{{- $urls := list -}}
{{- range $upstream := .service.upstreams -}}
{{- $address := include "traffic-lanes.address" (dict "model" $.model "from" $.service "to" $upstream) -}}
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

{{/* Names of variables, as a JSON list: those that a value refers to, as in $(HOST), before it, and else by
the alphabet, since a mapping has no order. */}}
{{- define "traffic-lanes.inOrder" -}}
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

{{/* Fields of a piece of the Kubernetes API as YAML, from {of, only} or {of, first}: `only` those, or all
of them, `first` before the others. */}}
{{- define "traffic-lanes.fields" -}}
{{- $of := .of | default dict -}}
{{- $keys := concat (.only | default .first) (ternary list (keys $of | sortAlpha) (hasKey . "only")) | uniq -}}
{{- range $key := $keys -}}
{{- $value := get $of $key -}}
{{- if not (hasKey $of $key) -}}
{{- else if and (kindIs "slice" $value) $value (kindIs "map" (first $value)) (hasKey (first $value) "name") }}
{{ $key }}:
  {{- include "traffic-lanes.named" $value | trim | nindent 2 }}
{{- else }}
{{ dict $key $value | include "traffic-lanes.yaml" | trim }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A list whose members have names, as YAML, the name of each first. */}}
{{- define "traffic-lanes.named" -}}
{{- range . }}
- name: {{ include "traffic-lanes.yaml" .name }}
  {{- with omit . "name" }}
  {{- include "traffic-lanes.yaml" . | trim | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}
