{{/*
A provider is one file in this folder. For its name P, the file defines:

  traffic-lanes.P.facts          properties, as YAML, from the root:
    title, api                     the mesh in words; an API that clusters with the mesh have
    networking, security           versions of Istio's APIs that the mesh has
    routeKind                      the kind whose rules route requests at each hop
    gatewayHeader                  the request header in which the gateway sets the lane
    fallsBack                      whether a rule without pods falls back
    podLabels                      labels of pods that the provider sets
    membership                     whether pods need the labels of P.podLabels to answer a lane's requests
    headerPropagation              API of the ASMHeaderPropagation that carries the header; empty: the mesh has none
    laneReleases                   whether a lane can be a release of its own
    needs                          [{api, say}]: APIs that the routing needs, and what to say without one
  traffic-lanes.P.podLabels      labels of a version's pods, from {model, service, version}
  traffic-lanes.P.checks         a sentence for each value that it does not support, from the root

and, where its routeKind is VirtualService:

  traffic-lanes.P.laneHeaders    changes of request headers at the gateway for one lane, from {model, lane}
  traffic-lanes.P.commonHeaders  changes of request headers at the gateway for all lanes, from {model}
  traffic-lanes.P.match          headers by which a hop matches a lane's requests, from {model, lane}
  traffic-lanes.P.subset         labels and policy of a lane's subset; empty: it has none; from {model, service, lane}
  traffic-lanes.P.fallback       the fallback of a destination without pods, from {model, host, port, subset}
  traffic-lanes.P.retries        the retries of a route, from {model}

Usage: {{ include (printf "traffic-lanes.%s.match" $model.provider) (dict "model" $model "lane" $lane) }}
*/}}

{{/*
The names of all providers, as a JSON list.
Usage: {{ include "traffic-lanes.providers" . | fromJsonArray }}
*/}}
{{- define "traffic-lanes.providers" -}}
["asm", "istio", "gateway-api"]
{{- end -}}

{{/*
Timeout and retries of a VirtualService's rule that leads to a service. The service's retries are merged over the
provider's.
Usage: {{ include "traffic-lanes.routePolicy" (dict "model" $model "service" $service) | trim }}
*/}}
{{- define "traffic-lanes.routePolicy" -}}
{{- $own := .service.route | default dict -}}
{{- $retries := include (printf "traffic-lanes.%s.retries" .model.provider) (dict "model" .model) -}}
{{- with $own.timeout }}
timeout: {{ . }}
{{- end }}
{{- if $own.retries }}
{{- $all := include "traffic-lanes.mergeOver" (dict "below" (fromYaml $retries) "above" $own.retries) | fromJson }}
retries:
  {{- /* Istio rejects other fields with attempts: 0. */}}
  {{- ternary $all (dict "attempts" 0) (gt (int $all.attempts) 0) | include "traffic-lanes.yaml" | nindent 2 }}
{{- else if $retries }}
retries:
  {{- $retries | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
How callers treat the pods of a service: the service's trafficPolicy, merged over settings with which the loss of a
pod or node costs about a second:
- A connection that is refused, reset or not established within a second ejects a pod for two seconds.
- A connection may be idle for one second: a request on an idle connection to a lost node would get no answer.
- Keepalive closes a connection two seconds after its node is lost.
- Error responses never eject a pod, since healthy pods pass on the error of a later hop.
Usage: {{ include "traffic-lanes.trafficPolicy" $service | nindent 4 }}
*/}}
{{- define "traffic-lanes.trafficPolicy" -}}
{{- $own := .trafficPolicy | default dict -}}
{{- $pool := $own.connectionPool | default dict -}}
{{- $keepalive := dict "time" "1s" "interval" "1s" "probes" 1 -}}
{{- $default := dict "connectTimeout" "1s" "tcpKeepalive" $keepalive -}}
{{- $tcp := include "traffic-lanes.mergeOver" (dict "below" $default "above" $pool.tcp) | fromJson -}}
{{- $kept := dict "idleTimeout" "1s" -}}
{{- $http := include "traffic-lanes.mergeOver" (dict "below" $kept "above" $pool.http) | fromJson -}}
{{- $ejected := include "traffic-lanes.outlierDetection" . -}}
{{- with $own.outlierDetection -}}
{{- $ejected = include "traffic-lanes.mergeOver" (dict "below" (fromYaml $ejected) "above" .) | fromJson | toYaml -}}
{{- end -}}
connectionPool:
  {{- merge (dict "tcp" $tcp "http" $http) $pool | toYaml | nindent 2 }}
outlierDetection:
  {{- $ejected | nindent 2 }}
{{- end -}}

{{/*
Outlier detection by failed connections only. Without the zeros, Envoy's own limits would apply.
Usage: {{ include "traffic-lanes.outlierDetection" . }}
*/}}
{{- define "traffic-lanes.outlierDetection" -}}
splitExternalLocalOriginErrors: true
consecutiveLocalOriginFailures: 1
consecutiveGatewayErrors: 0
consecutive5xxErrors: 0
interval: 500ms
baseEjectionTime: 2s
maxEjectionPercent: 100
minHealthPercent: 1
{{- end -}}

{{/*
Keys of `above` merged over those of `below`, as JSON. A zero counts as a value.
Usage: {{ include "traffic-lanes.mergeOver" (dict "below" $defaults "above" $own) | fromJson }}
*/}}
{{- define "traffic-lanes.mergeOver" -}}
{{- $over := deepCopy .below -}}
{{- range $key, $value := .above }}{{ $_ := set $over $key $value }}{{ end -}}
{{- toJson $over -}}
{{- end -}}

{{/*
Regular expression for a whole baggage header that has the lane as a member.
Usage: {{ include "traffic-lanes.baggageRegex" (dict "model" $model "lane" $lane) }}
*/}}
{{- define "traffic-lanes.baggageRegex" -}}
(.*,)?\s*{{ .model.header }}\s*=\s*{{ .lane }}\s*([;,].*)?
{{- end -}}

{{/*
Header change that sets the lane as the only member of a request's baggage, in place of all the client's lines.
Usage: {{ include "traffic-lanes.setBaggage" (dict "model" $model "lane" $lane) }}
*/}}
{{- define "traffic-lanes.setBaggage" -}}
set:
  baggage: {{ .model.header }}={{ .lane }}
{{- end -}}

{{/*
A VirtualService's destination. Without a port, Istio takes the Service's only port.
Usage: {{ include "traffic-lanes.destination" (dict "host" $host "port" $port "subset" $lane) }}
*/}}
{{- define "traffic-lanes.destination" -}}
host: {{ .host }}
subset: {{ toYaml .subset }}
{{- with .port }}
port:
  number: {{ . }}
{{- end }}
{{- end -}}

{{/*
Labels of a subset of one version's pods: none if the pods are not of the chart and the service has one version.
Usage: {{ include "traffic-lanes.versionLabels" (dict "service" $service "lane" $lane) }}
*/}}
{{- define "traffic-lanes.versionLabels" -}}
labels:
{{- if .service.anyPod }} {}{{ else }}
  {{ toYaml .service.label }}: {{ toYaml .lane }}
{{- end }}
{{- end -}}
