{{/*
The services that the gateway calls are known, and each gets requests of its own.
Usage: {{ include "traffic-lanes.checks.entries" . }}
*/}}
{{- define "traffic-lanes.checks.entries" -}}
{{- $values := .Values -}}
{{- $services := $values.services -}}
{{- $enter := $values.lanes.enter -}}
{{- $named := $values.gateway.services -}}
{{- $upstreams := dict -}}
{{- range $services }}{{ range .upstreams }}{{ $_ := set $upstreams . true }}{{ end }}{{ end -}}
{{- $unknown := include "traffic-lanes.keysNotIn" (dict "of" $upstreams "than" (keys $services)) | fromJsonArray -}}
{{- $clear := not (or $named $unknown (include "traffic-lanes.endlessCycle" . | fromJsonArray)) -}}
{{- $uncalled := include "traffic-lanes.uncalledServices" $services | fromJsonArray -}}
{{- if and $clear (not $uncalled) }}
- gateway.services is empty, and every service is called by another, so the chart cannot know the entry
  service. Name it there, as in {{ printf "{%s: {}}" (keys $services | sortAlpha | first) }}.
{{- else if and $clear (gt (len $uncalled) 1) }}
- gateway.services is empty, and no other service calls {{ join " or " $uncalled }}, so the chart cannot know the entry
  service. Name it there, as in {{ printf "{%s: {}}" (first $uncalled) }}.
{{- end }}
{{- $entries := include "traffic-lanes.entryServices" $values | fromJson }}
{{- $served := dict }}
{{- range $.Model.virtualHosts }}
{{- range .entries }}{{ if not (get $entries .service).host }}{{ $_ := set $served .path true }}{{ end }}{{ end }}
{{- end }}
{{- $taken := dict }}
{{- $general := list }}
{{- $unserved := list }}
{{- range $name, $asks := $entries }}
{{- if and $named (not (hasKey $services $name)) }}
- gateway.services: {{ quote $name }} is not a service. Use one of services
  ({{ keys $services | sortAlpha | join ", " }}).
{{- end }}
{{- $what := $asks.path | default "every request" }}
{{- with $asks.host }}{{ $what = printf "%s of %s" $what . }}{{ end }}
{{- with get $taken $what }}
- gateway.services: {{ . }} and {{ $name }} would both take {{ $what }}. Give one a path or a host of its own.
{{- end }}
{{- $_ := set $taken $what $name }}
{{- if not $asks.host }}
{{- $general = append $general $name }}
{{- if not (hasKey $served $asks.path) }}{{ $unserved = append $unserved $name }}{{ end }}
{{- end }}
{{- $open := include "traffic-lanes.enterableLanes" $values.lanes | fromJsonArray }}
{{- range $lane := ternary $open list (not (empty $enter.host)) }}
{{- if eq $asks.host (replace "*" $lane $enter.host) }}
- gateway.services.{{ $name }}.host: {{ $asks.host }} leads into lane {{ $lane }}, by lanes.enter.host. Use
  another host.
{{- end }}
{{- end }}
{{- end }}
{{- if $unserved }}
- gateway.services: {{ join ", " $unserved }} would get no request, because others take all requests of each host in
  gateway.hosts. Add a host there.
{{- end }}
{{- if and $enter.host $entries (not $general) }}
- lanes.enter.host: each of gateway.services has a host, so none answers at a lane's host.
  Remove the host of one.
{{- end }}
{{- end -}}

{{/*
There is one gateway, and its settings belong to it.
Usage: {{ include "traffic-lanes.checks.gateway" . }}
*/}}
{{- define "traffic-lanes.checks.gateway" -}}
{{- $gateway := .Values.gateway -}}
{{- $own := printf "%s-gateway" .Model.name -}}
{{- if and (eq (get .Model.namespaces $own) .Release.Namespace) (not $gateway.parentRefs) }}
- services.{{ $own }} and the gateway would both have a VirtualService {{ quote $own }}. Rename the
  service, or set nameOverride.
{{- end }}
{{- if and $gateway.parentRefs $gateway.existing }}
- gateway.existing names an Istio Gateway, and gateway.parentRefs name Gateways of the Kubernetes Gateway API. Set one
  of the two.
{{- end }}
{{- with $gateway.tls }}
{{- if .secret }}
{{- if or $gateway.parentRefs $gateway.existing }}
- gateway.tls is for the Gateway that the chart creates, and the values name one that is there already. Remove
  gateway.tls.secret, and set the certificate at that Gateway.
{{- end }}
{{- if eq (int $gateway.port) (int .port) }}
- gateway.port and gateway.tls.port are both {{ .port }}, and one answers HTTP, the other HTTPS. Change one.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
`helm test` trusts one authority.
Usage: {{ include "traffic-lanes.checks.test" . }}
*/}}
{{- define "traffic-lanes.checks.test" -}}
{{- if and .Values.test.ca.secret .Values.test.ca.configMap }}
- test.ca names a Secret and a ConfigMap. Set one of the two.
{{- end }}
{{- end -}}
