{{/*
Name of the application: the release's resources that belong to no single service have it.
Usage: {{ include "traffic-lanes.name" . }}
*/}}
{{- define "traffic-lanes.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/*
Labels of every resource. A chart's version may have a +, which a label must not.
Usage: {{ include "traffic-lanes.labels" . | nindent 4 }}
*/}}
{{- define "traffic-lanes.labels" -}}
app.kubernetes.io/part-of: {{ include "traffic-lanes.name" . | toYaml }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "_" }}
{{- end -}}
