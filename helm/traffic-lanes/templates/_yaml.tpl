{{/*
A value of the user, as YAML that has the same meaning wherever it is printed: after a key, at any indentation,
trimmed, or last in a document. Use it for every value whose form the schema leaves open. A string is in quotes if
toYaml would print it on several lines.
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
A value as YAML after a key or a dash.
Usage: {{ include "traffic-lanes.nestedYaml" $value }}
*/}}
{{- define "traffic-lanes.nestedYaml" -}}
{{- if and . (or (kindIs "map" .) (kindIs "slice" .)) -}}
{{- include "traffic-lanes.yaml" . | trim | nindent 2 -}}
{{- else -}}
{{- include "traffic-lanes.yaml" . -}}
{{- end -}}
{{- end -}}
