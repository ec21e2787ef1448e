{{/* There is one gateway, and what it needs is its own. */}}
{{- define "traffic-lanes.checks.gateway" -}}
{{- $gateway := .Values.gateway -}}
{{- $own := printf "%s-gateway" .Values.model.name -}}
{{- if and (eq (get .Values.model.namespaces $own) .Release.Namespace) (not $gateway.parentRefs) }}
- services.{{ $own }} and the gateway would both have a VirtualService {{ quote $own }}: rename the
  service, or set nameOverride
{{- end }}
{{- if and $gateway.parentRefs $gateway.existing }}
- gateway.existing names an Istio Gateway and gateway.parentRefs those of the Gateway API: set one of
  them
{{- end }}
{{- with $gateway.tls }}
{{- if .secret }}
{{- if or $gateway.parentRefs $gateway.existing }}
- gateway.tls is for the Gateway that the chart creates: one that is there already has its own
{{- end }}
{{- if eq (int $gateway.port) (int .port) }}
- gateway.port and gateway.tls.port are both {{ .port }}: one answers HTTP, the other HTTPS
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* `helm test` has one authority to trust. */}}
{{- define "traffic-lanes.checks.test" -}}
{{- if and .Values.test.ca.secret .Values.test.ca.configMap }}
- test.ca names a Secret and a ConfigMap: set one of them
{{- end }}
{{- end -}}
