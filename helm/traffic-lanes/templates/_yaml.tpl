{{/*
Value of the user's as YAML that reads the same wherever it is printed: behind a key, at any indentation,
trimmed, or last in a document. It prints all that the schema leaves free. What toYaml would fold over
lines, or end with newlines that count, is in quotes.
Usage: {{ include "traffic-lanes.yaml" $value | nindent 2 }}
*/}}
{{- define "traffic-lanes.yaml" -}}
{{- if kindIs "string" . -}}
{{- $plain := and (regexMatch "^[ -~]*$" .) (not (has . (list "=" "<<"))) -}}
{{- if and $plain (not (contains "\n" (toYaml .))) }}{{ toYaml . }}{{ else }}{{ quote . }}{{ end -}}
{{- else if not (regexMatch `[^ -~]|\\u(00[01]|2)|("|\\n)\\n"` (toJson .)) -}}
{{- toYaml . -}}
{{- else if kindIs "map" . -}}
{{- range $key, $value := . }}
{{ include "traffic-lanes.yaml" $key }}: {{ include "traffic-lanes.nestedYaml" $value }}
{{- end -}}
{{- else -}}
{{- range . }}
- {{ include "traffic-lanes.nestedYaml" . }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Value as YAML behind a key or a dash.
Usage: {{ include "traffic-lanes.nestedYaml" $value }}
*/}}
{{- define "traffic-lanes.nestedYaml" -}}
{{- if and . (or (kindIs "map" .) (kindIs "slice" .)) -}}
{{- include "traffic-lanes.yaml" . | trim | nindent 2 -}}
{{- else -}}
{{- include "traffic-lanes.yaml" . -}}
{{- end -}}
{{- end -}}
