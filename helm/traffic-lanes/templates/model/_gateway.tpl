{{/*
Where the gateway's pods run, as a JSON list: the model's `gatewayPods`.
Usage: {{ include "traffic-lanes.gatewayPods" . | fromJsonArray }}
*/}}
{{- define "traffic-lanes.gatewayPods" -}}
{{- $gateway := .Values.gateway -}}
{{- $pods := list -}}
{{- range $gateway.parentRefs -}}
{{- $pods = append $pods (dict
      "namespace" (.namespace | default $.Release.Namespace)
      "labels" (dict "gateway.networking.k8s.io/gateway-name" .name)
      "service" (printf "%s-istio" .name)
      "port" (.port | default $gateway.port)) -}}
{{- else -}}
{{- $pods = list (dict
      "namespace" $gateway.namespace
      "labels" ($gateway.selector | default (dict "istio" "ingressgateway"))
      "service" "istio-ingressgateway"
      "port" (ternary $gateway.tls.port $gateway.port (not (empty $gateway.tls.secret)))) -}}
{{- end -}}
{{- toJson $pods -}}
{{- end -}}

{{/*
First host of a virtual host, with `lanes` for its *; empty where it takes any.
Usage: {{ include "traffic-lanes.exampleHost" $virtualHost }}
*/}}
{{- define "traffic-lanes.exampleHost" -}}
{{- without .hosts "*" | first | default "" | replace "*" "lanes" -}}
{{- end -}}

{{/*
Where each of the gateway's entries answers, as a JSON list of {service, path, host, named}: `host` is the
first of its hosts, `named` whether values give the entry that host.
Usage: {{ include "traffic-lanes.entryAddresses" $model | fromJsonArray }}
*/}}
{{- define "traffic-lanes.entryAddresses" -}}
{{- $seen := dict -}}
{{- $found := list -}}
{{- range $virtual := .virtualHosts -}}
{{- $host := include "traffic-lanes.exampleHost" $virtual -}}
{{- range reverse $virtual.entries -}}
{{- if not (hasKey $seen .service) -}}
{{- $_ := set $seen .service true -}}
{{- $found = append $found (dict "service" .service "path" .path "host" $host "named" (not (empty $virtual.host))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/*
The gateway's URL by one of its names or addresses. With a certificate it is HTTPS: plain HTTP is redirected.
Usage: {{ include "traffic-lanes.gatewayUrl" (dict "values" .Values "model" $model "host" $host "path" $path) }}
*/}}
{{- define "traffic-lanes.gatewayUrl" -}}
{{- $scheme := ternary "https" "http" (not (empty .values.gateway.tls.secret)) -}}
{{- $port := (first .model.gatewayPods).port | int -}}
{{- $usual := ternary 443 80 (eq $scheme "https") -}}
{{ $scheme }}://{{ .host }}{{ if ne $port $usual }}:{{ $port }}{{ end }}{{ .path | default "/" }}
{{- end -}}

{{/*
Host and port of a URL, as curl's --resolve has them.
Usage: {{ include "traffic-lanes.hostAndPort" $url }}
*/}}
{{- define "traffic-lanes.hostAndPort" -}}
{{- $url := urlParse . -}}
{{ $url.host }}{{ if not (regexMatch ":[0-9]+$" $url.host) }}:{{ ternary 443 80 (eq $url.scheme "https") }}{{ end }}
{{- end -}}
