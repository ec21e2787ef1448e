{{/*
A value of the user's as YAML that says the same wherever it is printed: behind a key, at any indentation,
trimmed, or last in a document. All that the schema leaves free is printed by it. What toYaml would
fold over lines, or end with newlines that count, is in quotes.
*/}}
{{- define "traffic-lanes.yaml" -}}
{{- if kindIs "string" . -}}
{{- $plain := and (regexMatch "^[ -~]*$" .) (not (has . (list "=" "<<"))) -}}
{{- if and $plain (not (contains "\n" (toYaml .))) }}{{ toYaml . }}{{ else }}{{ quote . }}{{ end -}}
{{- else if not (regexMatch `[^ -~]|\\u(00[01]|2)|("|\\n)\\n"` (toJson .)) -}}
{{- toYaml . -}}
{{- else if kindIs "map" . -}}
{{- range $key, $value := . }}
{{ include "traffic-lanes.yaml" $key }}: {{ include "traffic-lanes.beside" $value }}
{{- end -}}
{{- else -}}
{{- range . }}
- {{ include "traffic-lanes.beside" . }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A value as YAML behind a key or a dash. */}}
{{- define "traffic-lanes.beside" -}}
{{- if and . (or (kindIs "map" .) (kindIs "slice" .)) -}}
{{- include "traffic-lanes.yaml" . | trim | nindent 2 -}}
{{- else -}}
{{- include "traffic-lanes.yaml" . -}}
{{- end -}}
{{- end -}}
