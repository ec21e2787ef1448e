{{/*
A provider is one file beside this one. It defines, for its name P:

  traffic-lanes.P.facts          properties, as YAML, from the root:
    title, api                     the mesh in words; the API by which a cluster shows that it has the mesh
    networking, security           versions of Istio's APIs that the mesh has
    routeKind                      the kind whose rules route requests at each hop
    gatewayHeader                  the request header in which the gateway sets the lane
    fallsBack                      whether a rule whose pods are not there yet falls back all the same
    podLabels                      labels of pods that the provider sets
    membership                     whether pods need the labels of P.podLabels to answer a lane's requests
    headerPropagation              API of the ASMHeaderPropagation that carries the header; empty: the mesh has none
    laneReleases                   whether a lane can be a release of its own
    needs                          [{api, say}]: APIs that the routing needs, and what to say without one
  traffic-lanes.P.podLabels      labels of a version's pods, from {model, service, version}
  traffic-lanes.P.checks         what it can't do, a sentence each, from the root

and, where its routeKind is VirtualService:

  traffic-lanes.P.laneHeaders    what the gateway does to a lane's request headers, from {model, lane}
  traffic-lanes.P.commonHeaders  what it does to them in all lanes, from {model}
  traffic-lanes.P.match          headers by which a hop matches a lane's requests, from {model, lane}
  traffic-lanes.P.subset         labels and policy of a lane's subset; empty: it has none; from {model, service, lane}
  traffic-lanes.P.fallback       where a destination without pods leads, from {model, host, port, subset}
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
Timeout and retries of a VirtualService's rule that leads to a service. The service's retries come over the provider's.
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
  {{- /* Istio refuses more beside none. */}}
  {{- ternary $all (dict "attempts" 0) (gt (int $all.attempts) 0) | include "traffic-lanes.yaml" | nindent 2 }}
{{- else if $retries }}
retries:
  {{- $retries | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
How callers treat the pods of a service: its trafficPolicy, over settings with which the loss of a pod, or of a node,
costs about a second. A connection that is refused, reset or not made in a second ejects a pod for two seconds. A
request that is sent to a lost node on an idle connection gets no answer. So connections are idle for a second at most,
and few are left then. Keepalive ends, after two seconds, a request that a node has taken before it was lost.
Error responses never eject a pod, for healthy pods pass on the error of a later hop.
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
Outlier detection by failed connections only. The zeros are needed, or Envoy's own limits apply.
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
Keys of `above` over those of `below`, as JSON, where a zero counts as a value.
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
Sets the lane as the only member of a request's baggage, in place of the client's, however many lines that has.
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
Labels of a subset that is a version's pods. A team's own pods need none where there is one version.
Usage: {{ include "traffic-lanes.versionLabels" (dict "service" $service "lane" $lane) }}
*/}}
{{- define "traffic-lanes.versionLabels" -}}
labels:
{{- if .service.anyPod }} {}{{ else }}
  {{ toYaml .service.label }}: {{ toYaml .lane }}
{{- end }}
{{- end -}}
