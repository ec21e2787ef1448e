{{/*
Name that the release's own resources share: the application as a whole, not one service.
Usage: {{ include "traffic-lanes.name" . }}
*/}}
{{- define "traffic-lanes.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/*
Labels of every resource. A label value has no +, which a chart's version may have.
Usage: {{ include "traffic-lanes.labels" . | nindent 4 }}
*/}}
{{- define "traffic-lanes.labels" -}}
app.kubernetes.io/part-of: {{ include "traffic-lanes.name" . | toYaml }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "_" }}
{{- end -}}
