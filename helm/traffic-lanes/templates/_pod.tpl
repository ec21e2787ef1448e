{{/* An image's reference, from {image, root}. */}}
{{- define "traffic-lanes.image" -}}
{{- $image := .image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
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
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* How many pods a version has, from {root, pod}. An autoscaled one keeps the number that it has, and
starts with its least: a field that is left out, or was there in the last release, means one pod
until the autoscaler acts. */}}
{{- define "traffic-lanes.replicas" -}}
{{- if .pod.autoscaling.enabled -}}
{{- $live := lookup "apps/v1" "Deployment" .root.Release.Namespace .pod.name -}}
{{ max .pod.autoscaling.minReplicas (dig "spec" "replicas" 0 $live) }}
{{- else -}}
{{ .pod.replicas }}
{{- end -}}
{{- end -}}

{{/* Annotations of a pod, from {root, model, pod}. The sidecar has to outlive the requests that the pod
finishes while it stops, and nothing else: it ends with the last connection, and not before the
mesh has taken the pod out of its lists. */}}
{{- define "traffic-lanes.podAnnotations" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $metadata := dict "EXIT_ON_ZERO_ACTIVE_CONNECTIONS" "true" "MINIMUM_DRAIN_DURATION" (printf "%ds" (add .pod.preStop .pod.drain)) -}}
{{- $annotations := dict "proxy.istio.io/config" (dict "proxyMetadata" $metadata | toYaml) -}}
{{- if eq $otel.mode "operator" -}}
{{- $_ := set $annotations (printf "instrumentation.opentelemetry.io/inject-%s" $otel.language) (printf "%s-instrumentation" .model.name) -}}
{{- $_ := set $annotations "instrumentation.opentelemetry.io/container-names" "default" -}}
{{- end -}}
{{- toYaml (mergeOverwrite $annotations (default dict .pod.podAnnotations)) -}}
{{- end -}}

{{/* Environment of a pod's container, from {root, model, service, pod}. */}}
{{- define "traffic-lanes.env" -}}
{{- $ports := dict -}}
{{- range .model.services }}{{ $_ := set $ports .name .port }}{{ end -}}
{{- $urls := list -}}
{{- range .service.upstreams -}}
{{- $urls = append $urls (printf "http://%s:%v/" . (get $ports .)) -}}
{{- end -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $more := dict -}}
{{- if eq $otel.mode "none" }}{{ $_ := set $more "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" "*" }}{{ end -}}
{{- if and (eq $otel.mode "image") $otel.collector -}}
{{- $_ := set $more "OTEL_EXPORTER_OTLP_ENDPOINT" $otel.collector -}}
{{- end -}}
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
{{- if ne (int .service.port) 8000 }}
- name: port
  value: {{ .service.port | toString | quote }}
{{- end }}
{{- if ne (int .service.managementPort) 8001 }}
- name: management_port
  value: {{ .service.managementPort | toString | quote }}
{{- end }}
{{- if ne (int .pod.drain) 5 }}
- name: drain
  value: {{ .pod.drain | toString | quote }}
{{- end }}
{{- range $name, $value := .pod.fault }}
- name: fault_{{ $name }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- range $name, $value := mergeOverwrite $more (default dict .pod.env) }}
- name: {{ toYaml $name }}
  {{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
  {{- else }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | toYaml }}
  {{- end }}
{{- end }}
{{- end -}}
