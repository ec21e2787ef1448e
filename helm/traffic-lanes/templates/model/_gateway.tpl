{{/* Where the gateway's pods run, from the root, as a JSON list: the model's `doors`. */}}
{{- define "traffic-lanes.doors" -}}
{{- $gateway := .Values.gateway -}}
{{- $doors := list -}}
{{- range $gateway.parentRefs -}}
{{- $doors = append $doors (dict
      "namespace" (.namespace | default $.Release.Namespace)
      "labels" (dict "gateway.networking.k8s.io/gateway-name" .name)
      "service" (printf "%s-istio" .name)
      "port" (.port | default $gateway.port)) -}}
{{- else -}}
{{- $doors = list (dict
      "namespace" $gateway.namespace
      "labels" ($gateway.selector | default (dict "istio" "ingressgateway"))
      "service" "istio-ingressgateway"
      "port" (ternary $gateway.tls.port $gateway.port (not (empty $gateway.tls.secret)))) -}}
{{- end -}}
{{- toJson $doors -}}
{{- end -}}

{{/* The first of a virtual host's names, with `lanes` for its *, from the virtual host; empty where any will
do. */}}
{{- define "traffic-lanes.host" -}}
{{- without .hosts "*" | first | default "" | replace "*" "lanes" -}}
{{- end -}}

{{/* Where to ask for each of the gateway's entries, from the model, as a JSON list of {service, path, host,
named}: the first of the hosts at which it answers, and whether it is the entry's own. */}}
{{- define "traffic-lanes.asked" -}}
{{- $asked := dict -}}
{{- $found := list -}}
{{- range $virtual := .virtualHosts -}}
{{- $host := include "traffic-lanes.host" $virtual -}}
{{- range reverse $virtual.entries -}}
{{- if not (hasKey $asked .service) -}}
{{- $_ := set $asked .service true -}}
{{- $found = append $found (dict "service" .service "path" .path "host" $host "named" (not (empty $virtual.host))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The gateway's URL by a name or address of it, from {values, model, host, path}: HTTPS where it has a
certificate, for it redirects plain HTTP then. */}}
{{- define "traffic-lanes.url" -}}
{{- $scheme := ternary "https" "http" (not (empty .values.gateway.tls.secret)) -}}
{{- $port := (first .model.doors).port | int -}}
{{- $usual := ternary 443 80 (eq $scheme "https") -}}
{{ $scheme }}://{{ .host }}{{ if ne $port $usual }}:{{ $port }}{{ end }}{{ .path | default "/" }}
{{- end -}}

{{/* Host and port of a URL, as curl's --resolve has them. */}}
{{- define "traffic-lanes.at" -}}
{{- $url := urlParse . -}}
{{ $url.host }}{{ if not (regexMatch ":[0-9]+$" $url.host) }}:{{ ternary 443 80 (eq $url.scheme "https") }}{{ end }}
{{- end -}}
