{{/* What the release's own resources are called by: the chain as a whole, not a service of it. */}}
{{- define "traffic-lanes.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that every resource carries. */}}
{{- define "traffic-lanes.labels" -}}
app.kubernetes.io/part-of: {{ include "traffic-lanes.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* An image's reference, from {image, root}. */}}
{{- define "traffic-lanes.image" -}}
{{- $image := .image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Annotations of a pod, from {root, pod}. */}}
{{- define "traffic-lanes.podAnnotations" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- if eq $otel.mode "operator" -}}
instrumentation.opentelemetry.io/inject-{{ $otel.language }}: "true"
instrumentation.opentelemetry.io/container-names: "default"
{{- end -}}
{{- end -}}

{{/* Environment of a pod's container, from {root, model, service, pod}. */}}
{{- define "traffic-lanes.env" -}}
{{- $otel := .root.Values.instrumentation -}}
{{- $ports := dict -}}
{{- range .model.services }}{{ $_ := set $ports .name .port }}{{ end -}}
{{- $urls := list -}}
{{- range .service.upstreams -}}
{{- $urls = append $urls (printf "http://%s:%v/" . (get $ports .)) -}}
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
{{- if ne (int .pod.port) 8000 }}
- name: port
  value: {{ .pod.port | toString | quote }}
{{- end }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end -}}

{{/* The newest version of Istio's networking API that the mesh has, from the model. */}}
{{- define "traffic-lanes.networking" -}}
networking.istio.io/{{ ternary "v1beta1" "v1" (eq .provider "asm") }}
{{- end -}}
