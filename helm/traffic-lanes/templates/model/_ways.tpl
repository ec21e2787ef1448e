{{/*
The gateway's rules, from the values, as a JSON list in their order; the first that matches takes a
request. First the ways in, the plainest word before the others: header, cookie, host, further
matches. Then those that the weights drew before, and last the split.

  name     the rule's
  lanes    the names of those that it leads to
  drawn    whether it draws one of them by weight
  matches  [{headers: {name: {exact, prefix or regex: value}}, host, path}], one of which a request has
           to be; none: any is
*/}}
{{- define "traffic-lanes.rules" -}}
{{- $lanes := .lanes -}}
{{- $enter := $lanes.enter -}}
{{- $open := include "traffic-lanes.open" $lanes | fromJsonArray -}}
{{- $rules := list -}}
{{- range $lane := ternary $open list (not (empty $enter.header)) -}}
{{- $match := dict "headers" (dict $enter.header (dict "exact" $lane)) -}}
{{- $rules = append $rules (dict "name" (printf "%s-by-header" $lane) "lanes" (list $lane) "matches" (list $match)) -}}
{{- end -}}
{{- range $lane := ternary $open list (not (empty $enter.cookie)) -}}
{{- $match := dict "headers" (include "traffic-lanes.cookie" (dict "name" $enter.cookie "lane" $lane) | fromJson) -}}
{{- $rules = append $rules (dict "name" (printf "%s-by-cookie" $lane) "lanes" (list $lane) "matches" (list $match)) -}}
{{- end -}}
{{- range $lane := ternary $open list (not (empty $enter.host)) -}}
{{- $match := dict "host" (printf `(?i)%s(:[0-9]+)?` (replace "*" $lane $enter.host | regexQuoteMeta)) -}}
{{- $rules = append $rules (dict "name" (printf "%s-by-host" $lane) "lanes" (list $lane) "matches" (list $match)) -}}
{{- end -}}
{{- range $lane, $matches := $enter.match -}}
{{- if $matches -}}
{{- $rules = append $rules (dict "name" (printf "%s-by-match" $lane) "lanes" (list $lane) "matches" $matches) -}}
{{- end -}}
{{- end -}}
{{- range $lane, $weight := ternary $lanes.weights dict (not (empty $lanes.sticky.cookie)) -}}
{{- if gt (int $weight) 0 -}}
{{- $cookie := dict "name" $lanes.sticky.cookie "lane" $lane -}}
{{- $match := dict "headers" (include "traffic-lanes.cookie" $cookie | fromJson) -}}
{{- $rules = append $rules (dict "name" (printf "%s-sticky" $lane) "lanes" (list $lane) "matches" (list $match)) -}}
{{- end -}}
{{- end -}}
{{- append $rules (dict "name" "lanes" "lanes" (keys $lanes.weights | sortAlpha) "drawn" true) | toJson -}}
{{- end -}}

{{/* The lanes that a request may enter by their name, from the lanes' values, as a JSON list. */}}
{{- define "traffic-lanes.open" -}}
{{- keys (.enter.lanes | default .weights) | sortAlpha | toJson -}}
{{- end -}}

{{/* The headers of a request that has a cookie with a lane's name, from {name, lane}, as JSON. */}}
{{- define "traffic-lanes.cookie" -}}
{{- dict "cookie" (dict "regex" (printf `(.*;\s*)?%s=%s\s*(;.*)?` .name .lane)) | toJson -}}
{{- end -}}

{{/* The cookie that a drawn lane leaves with the visitor, from {values, lane}; empty where none does. */}}
{{- define "traffic-lanes.souvenir" -}}
{{- with .values.lanes.sticky -}}
{{- if .cookie -}}
{{ .cookie }}={{ $.lane }}; Max-Age={{ .maxAge }}; Path=/; HttpOnly; SameSite=Lax
{{- if $.values.gateway.tls.secret }}; Secure{{ end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The subset of a service that takes a lane's requests, from {model, service, lane}: the lane's, or the
baseline's where the service has no rule for the lane. */}}
{{- define "traffic-lanes.subset" -}}
{{- ternary .lane .model.baseline (has .lane .service.lanes) -}}
{{- end -}}

{{/* The gateway's rules for one of its entries, from {values, virtualHost, entry}, as "traffic-lanes.rules" has
them: `service` is the entry's, and what requests ask for is below its path, and below no other entry's that
is more specific. */}}
{{- define "traffic-lanes.entryRules" -}}
{{- $entry := .entry -}}
{{- $host := .virtualHost.host -}}
{{- $entries := .virtualHost.entries -}}
{{- $path := printf "%s/" $entry.path -}}
{{- $rules := list -}}
{{- range $rule := include "traffic-lanes.rules" .values | fromJsonArray -}}
{{- $matches := list -}}
{{- range $match := $rule.matches | default (list dict) -}}
{{- $wanted := printf "%s/" (default "" $match.path) -}}
{{- $deeper := ternary $match.path $entry.path (gt (len $wanted) (len $path)) -}}
{{- $meets := or (hasPrefix $path $wanted) (hasPrefix $wanted $path) -}}
{{- range $entries -}}
{{- $other := printf "%s/" .path -}}
{{- if and (gt (len $other) (len $path)) (hasPrefix $other $wanted) }}{{ $meets = false }}{{ end -}}
{{- end -}}
{{- if and $meets (not (and $host $match.host)) -}}
{{- $matches = append $matches (merge (dict "path" $deeper) $match) -}}
{{- end -}}
{{- end -}}
{{- $name := ternary (printf "%s-%s" $entry.service $rule.name) $rule.name (not (empty $entry.path)) -}}
{{- $own := dict "name" $name "service" $entry.service -}}
{{- if or $rule.matches $entry.path }}{{ $_ := set $own "matches" $matches }}{{ end -}}
{{- if $matches }}{{ $rules = append $rules (merge $own $rule) }}{{ end -}}
{{- end -}}
{{- toJson $rules -}}
{{- end -}}

{{/* The destinations of a rule of the gateway's, each with its lane's stamp and what the answer says of
it, from {model, values, rule}. */}}
{{- define "traffic-lanes.split" -}}
{{- $model := .model -}}
{{- $rule := .rule -}}
{{- $values := .values -}}
{{- $service := get $model.entries $rule.service -}}
{{- range $name := $rule.lanes }}
{{- $subset := include "traffic-lanes.subset" (dict "model" $model "service" $service "lane" $name) }}
{{- $target := dict "host" $service.host "port" $service.gatewayPort "subset" $subset }}
{{- $stamp := dict "model" $model "lane" $name }}
{{- $souvenir := include "traffic-lanes.souvenir" (dict "values" $values "lane" $name) }}
- destination:
    {{- include "traffic-lanes.target" $target | nindent 4 }}
  {{- if $rule.drawn }}
  weight: {{ index $values.lanes.weights $name }}
  {{- end }}
  headers:
    request:
      {{- include (printf "traffic-lanes.%s.stamp" $model.provider) $stamp | nindent 6 }}
    {{- if or $values.lanes.respond (and $rule.drawn $souvenir) }}
    response:
      {{- with $values.lanes.respond }}
      set:
        {{ toYaml . }}: {{ toYaml $name }}
      {{- end }}
      {{- if and $rule.drawn $souvenir }}
      add:
        set-cookie: {{ $souvenir }}
      {{- end }}
    {{- end }}
  {{- with include (printf "traffic-lanes.%s.fallback" $model.provider) (merge (dict "model" $model) $target) }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* What the gateway does to a lane's requests, as filters of an HTTPRoute, from {model, values, lane,
drawn}; drawn: by weight, which leaves a cookie where lanes are sticky. */}}
{{- define "traffic-lanes.stamp" -}}
- type: RequestHeaderModifier
  requestHeaderModifier:
    set:
      - name: baggage
        value: {{ .model.header }}={{ .lane }}
{{- $respond := .values.lanes.respond }}
{{- $souvenir := "" }}
{{- if .drawn }}{{ $souvenir = include "traffic-lanes.souvenir" (dict "values" .values "lane" .lane) }}{{ end }}
{{- if or $respond $souvenir }}
- type: ResponseHeaderModifier
  responseHeaderModifier:
    {{- with $respond }}
    set:
      - name: {{ toYaml . }}
        value: {{ toYaml $.lane }}
    {{- end }}
    {{- with $souvenir }}
    add:
      - name: set-cookie
        value: {{ . }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* How a value is matched, from {exact, prefix or regex: value}. */}}
{{- define "traffic-lanes.how" -}}
{{- range $how, $value := . -}}
{{ $how }}: {{ include "traffic-lanes.yaml" $value }}
{{- end -}}
{{- end -}}

{{/* What a rule of a VirtualService asks for, from one of `matches`. */}}
{{- define "traffic-lanes.conditions" -}}
{{- with .host }}
authority:
  {{- include "traffic-lanes.how" (dict "regex" .) | nindent 2 }}
{{- end }}
{{- with .headers }}
headers:
  {{- range $name, $how := . }}
  {{ toYaml $name }}:
    {{- include "traffic-lanes.how" $how | nindent 4 }}
  {{- end }}
{{- end }}
{{- with .path }}
uri:
  {{- include "traffic-lanes.how" (dict "regex" (include "traffic-lanes.below" .)) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What a rule of an HTTPRoute asks for, from one of `matches`. */}}
{{- define "traffic-lanes.matching" -}}
{{- with .path }}
path:
  type: PathPrefix
  value: {{ toYaml . }}
{{- end }}
{{- with .headers }}
headers:
  {{- range $name, $how := . }}
  - name: {{ toYaml $name }}
    {{- if $how.exact }}
    value: {{ include "traffic-lanes.yaml" $how.exact }}
    {{- else }}
    type: RegularExpression
    {{- $regex := $how.regex | default (printf "%s.*" (default "" $how.prefix | regexQuoteMeta)) }}
    value: {{ include "traffic-lanes.yaml" $regex }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A path and all below it, as a regular expression: /beta and /beta/x, and not /betamax. */}}
{{- define "traffic-lanes.below" -}}
{{ regexQuoteMeta . }}(/.*)?
{{- end -}}

{{/* The requests that enter a lane on purpose, as AuthorizationPolicies know them, from the values, as
a JSON list of {hosts, paths, headers: {name: [value]}}. Other releases' requests may come by the same
gateway: where the hosts are this one's alone, by their full names, only theirs count. */}}
{{- define "traffic-lanes.entering" -}}
{{- $enter := .lanes.enter -}}
{{- $open := include "traffic-lanes.open" .lanes | fromJsonArray -}}
{{- $served := include "traffic-lanes.hosts" .model | fromYamlArray -}}
{{- $own := include "traffic-lanes.anyPort" (ternary list $served (contains "*" (join " " $served))) | fromJsonArray -}}
{{- $found := list -}}
{{- if $enter.header -}}
{{- $found = append $found (dict "hosts" $own "headers" (dict $enter.header $open)) -}}
{{- end -}}
{{- if $enter.host -}}
{{- $hosts := list -}}
{{- range $lane := $open }}{{ $hosts = append $hosts (replace "*" $lane $enter.host) }}{{ end -}}
{{- $found = append $found (dict "hosts" (include "traffic-lanes.anyPort" $hosts | fromJsonArray)) -}}
{{- end -}}
{{- range $matches := $enter.match -}}
{{- range $match := $matches -}}
{{- $headers := dict -}}
{{- range $name, $how := $match.headers -}}
{{- $_ := set $headers $name (list ($how.exact | default (printf "%s*" $how.prefix))) -}}
{{- end -}}
{{- $paths := list -}}
{{- with $match.path }}{{ $paths = list . (printf "%s/*" .) }}{{ end -}}
{{- $found = append $found (dict "hosts" $own "headers" $headers "paths" $paths) -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Hosts with and without a port, from a list, as a JSON list. */}}
{{- define "traffic-lanes.anyPort" -}}
{{- $hosts := list -}}
{{- range . }}{{ $hosts = append $hosts . }}{{ $hosts = append $hosts (printf "%s:*" .) }}{{ end -}}
{{- toJson $hosts -}}
{{- end -}}
