{{/* What the release's own resources are called by: the chain as a whole, not a service of it. */}}
{{- define "traffic-lanes.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that every resource carries. A label can't hold the + of a version. */}}
{{- define "traffic-lanes.labels" -}}
app.kubernetes.io/part-of: {{ include "traffic-lanes.name" . | toYaml }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "_" }}
{{- end -}}
