{{/*
A provider is a file beside this one, which says all that it means. It defines, for its name P:

  traffic-lanes.P.facts      what holds for it, as YAML, from the root:
    networking, security       versions of Istio's APIs that the mesh has
    hops                       the kind whose rules send requests on at each hop
    stamp                      the request header by which the gateway names the lane
    fallsBack                  whether a rule whose pods are not there yet answers all the same
    podLabels                  labels of pods that are the provider's to set
    needs                      [{api, say}]: what the routing can't do without, and a sentence
  traffic-lanes.P.podLabels  labels by which the mesh tells a version's pods: {model, service, version}
  traffic-lanes.P.stamp      what the gateway does to a lane's request headers: {model, lane}
  traffic-lanes.P.arrival    what it does to them in any lane, the same way: {model}
  traffic-lanes.P.match      headers by which a hop knows a lane's requests: {model, lane}
  traffic-lanes.P.subset     labels and policy of a lane's subset, empty: it has none: {model, service, lane}
  traffic-lanes.P.fallback   where a destination leads that has no pods: {model, host, port, subset}
  traffic-lanes.P.retries    the retries of a route: {model}
  traffic-lanes.P.checks     what it can't do, a sentence each, from the root
*/}}

{{/* What a route to a service has beside its destinations, from {model, service}: its timeout, and its
retries over the provider's. */}}
{{- define "traffic-lanes.routePolicy" -}}
{{- $own := .service.route | default dict -}}
{{- $retries := include (printf "traffic-lanes.%s.retries" .model.provider) (dict "model" .model) -}}
{{- with $own.timeout }}
timeout: {{ . }}
{{- end }}
{{- if $own.retries }}
{{- $all := include "traffic-lanes.over" (dict "below" (fromYaml $retries) "above" $own.retries) | fromJson }}
retries:
  {{- /* Istio refuses more beside none. */}}
  {{- ternary $all (dict "attempts" 0) (gt (int $all.attempts) 0) | include "traffic-lanes.yaml" | nindent 2 }}
{{- else if $retries }}
retries:
  {{- $retries | nindent 2 }}
{{- end }}
{{- end -}}

{{/* How long a rule of an HTTPRoute waits for a service, from the service; empty where it waits on. */}}
{{- define "traffic-lanes.timeouts" -}}
{{- with (.route | default dict).timeout -}}
timeouts:
  request: {{ . }}
{{- end -}}
{{- end -}}

{{/*
How callers treat the pods of a service, from the service: what its trafficPolicy says, over what makes the loss
of a pod, or of a node, cost about a second. A connection that is refused, reset or not made in a second takes
a pod out for two. What services answer never counts against a pod, for an error of a later hop is passed on
by healthy ones; the zeros have to be said, or Envoy's own limits hold.
*/}}
{{- define "traffic-lanes.policy" -}}
{{- $own := .trafficPolicy | default dict -}}
{{- $pool := $own.connectionPool | default dict -}}
{{- $tcp := include "traffic-lanes.over" (dict "below" (dict "connectTimeout" "1s") "above" $pool.tcp) | fromJson -}}
{{- $ejected := include "traffic-lanes.ejected" . -}}
{{- with $own.outlierDetection -}}
{{- $ejected = include "traffic-lanes.over" (dict "below" (fromYaml $ejected) "above" .) | fromJson | toYaml -}}
{{- end -}}
connectionPool:
  {{- merge (dict "tcp" $tcp) $pool | toYaml | nindent 2 }}
outlierDetection:
  {{- $ejected | nindent 2 }}
{{- end -}}

{{- define "traffic-lanes.ejected" -}}
splitExternalLocalOriginErrors: true
consecutiveLocalOriginFailures: 1
consecutiveGatewayErrors: 0
consecutive5xxErrors: 0
interval: 500ms
baseEjectionTime: 2s
maxEjectionPercent: 100
minHealthPercent: 1
{{- end -}}

{{/* The keys of a mapping over those of another, zeros and all, as JSON, from {below, above}. */}}
{{- define "traffic-lanes.over" -}}
{{- $over := deepCopy .below -}}
{{- range $key, $value := .above }}{{ $_ := set $over $key $value }}{{ end -}}
{{- toJson $over -}}
{{- end -}}

{{/* Baggage that has the lane as a member, as a regular expression for the whole of it, from
{model, lane}. */}}
{{- define "traffic-lanes.member" -}}
(.*,)?\s*{{ .model.header }}\s*=\s*{{ .lane }}\s*([;,].*)?
{{- end -}}

{{/* A lane as the only member of a request's baggage, from {model, lane}: it replaces the client's, however
many lines of it there are. */}}
{{- define "traffic-lanes.baggage" -}}
set:
  baggage: {{ .model.header }}={{ .lane }}
{{- end -}}

{{/* A destination, from {host, port, subset}. Without a port Istio finds it by itself: where the Service
has one only. */}}
{{- define "traffic-lanes.target" -}}
host: {{ .host }}
subset: {{ toYaml .subset }}
{{- with .port }}
port:
  number: {{ . }}
{{- end }}
{{- end -}}

{{/* A subset that is a version's pods, from {model, lane}. */}}
{{- define "traffic-lanes.version" -}}
labels:
  {{ toYaml .model.label }}: {{ toYaml .lane }}
{{- end -}}
