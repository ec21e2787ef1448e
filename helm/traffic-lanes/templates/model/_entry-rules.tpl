{{/*
The gateway's rules in order, as a JSON list. The first rule that matches a request counts. Entry rules come first
(header, cookie, host, match), then sticky cookies, then the weights.

  name     name of the rule
  lanes    names of the lanes that it leads to
  drawn    true if the weights choose the lane
  matches  [{headers: {name: {exact, prefix or regex: value}}, host, path}]: a request has to match one of
           them; empty: any request
Usage: {{ include "traffic-lanes.gatewayRules" .Values | fromJsonArray }}
*/}}
{{- define "traffic-lanes.gatewayRules" -}}
{{- $lanes := .lanes -}}
{{- $enter := $lanes.enter -}}
{{- $open := include "traffic-lanes.enterableLanes" $lanes | fromJsonArray -}}
{{- $rules := list -}}
{{- range $lane := ternary $open list (not (empty $enter.header)) -}}
{{- $match := dict "headers" (dict $enter.header (dict "exact" $lane)) -}}
{{- $rules = append $rules (dict "name" (printf "%s-by-header" $lane) "lanes" (list $lane) "matches" (list $match)) -}}
{{- end -}}
{{- range $lane := ternary $open list (not (empty $enter.cookie)) -}}
{{- $cookie := dict "name" $enter.cookie "lane" $lane -}}
{{- $match := dict "headers" (include "traffic-lanes.cookieMatch" $cookie | fromJson) -}}
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
{{- $match := dict "headers" (include "traffic-lanes.cookieMatch" $cookie | fromJson) -}}
{{- $rules = append $rules (dict "name" (printf "%s-sticky" $lane) "lanes" (list $lane) "matches" (list $match)) -}}
{{- end -}}
{{- end -}}
{{- append $rules (dict "name" "lanes" "lanes" (keys $lanes.weights | sortAlpha) "drawn" true) | toJson -}}
{{- end -}}

{{/*
Names of the lanes that a request may enter by header, cookie or host, as a JSON list.
Usage: {{ include "traffic-lanes.enterableLanes" .Values.lanes | fromJsonArray }}
*/}}
{{- define "traffic-lanes.enterableLanes" -}}
{{- keys (.enter.lanes | default .weights) | sortAlpha | toJson -}}
{{- end -}}

{{/*
Match, as JSON, for the headers of a request that has a cookie with a lane's name.
Usage: {{ include "traffic-lanes.cookieMatch" (dict "name" $cookie "lane" $lane) | fromJson }}
*/}}
{{- define "traffic-lanes.cookieMatch" -}}
{{- dict "cookie" (dict "regex" (printf `(.*;\s*)?%s=%s\s*(;.*)?` .name .lane)) | toJson -}}
{{- end -}}

{{/*
The set-cookie header that keeps a visitor in the lane that the weights chose; empty if lanes are not sticky.
Usage: {{ include "traffic-lanes.stickyCookie" (dict "values" .Values "lane" $lane) }}
*/}}
{{- define "traffic-lanes.stickyCookie" -}}
{{- with .values.lanes.sticky -}}
{{- if .cookie -}}
{{ .cookie }}={{ $.lane }}; Max-Age={{ int64 .maxAge }}; Path=/; HttpOnly; SameSite=Lax
{{- if $.values.gateway.tls.secret }}; Secure{{ end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Subset of a service for a lane's requests: the lane's, or the baseline's if the service has no rule for the lane.
Usage: {{ include "traffic-lanes.subsetName" (dict "model" $model "service" $service "lane" $lane) }}
*/}}
{{- define "traffic-lanes.subsetName" -}}
{{- ternary .lane .model.baseline (has .lane .service.lanes) -}}
{{- end -}}

{{/*
The gateway's rules for one entry service, in the form of "traffic-lanes.gatewayRules", with `service`. Their matches
are limited to the entry's path, without the more specific paths of other entries.
Usage: {{ include "traffic-lanes.entryServiceRules" (dict "values" .Values "virtualHost" $virtualHost
  "entry" $entry) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.entryServiceRules" -}}
{{- $entry := .entry -}}
{{- $host := .virtualHost.host -}}
{{- $entries := .virtualHost.entries -}}
{{- $path := printf "%s/" $entry.path -}}
{{- $rules := list -}}
{{- range $rule := include "traffic-lanes.gatewayRules" .values | fromJsonArray -}}
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

{{/*
Destinations of a gateway's rule, each with the headers of its lane.
Usage: {{ include "traffic-lanes.weightedDestinations" (dict "model" $model "values" .Values "rule" $rule) }}
*/}}
{{- define "traffic-lanes.weightedDestinations" -}}
{{- $model := .model -}}
{{- $rule := .rule -}}
{{- $values := .values -}}
{{- $service := get $model.entries $rule.service -}}
{{- range $name := $rule.lanes }}
{{- $subset := include "traffic-lanes.subsetName" (dict "model" $model "service" $service "lane" $name) }}
{{- $target := dict "host" $service.host "port" $service.gatewayPort "subset" $subset }}
{{- $headers := dict "model" $model "lane" $name }}
{{- $cookie := include "traffic-lanes.stickyCookie" (dict "values" $values "lane" $name) }}
- destination:
    {{- include "traffic-lanes.destination" $target | nindent 4 }}
  {{- if $rule.drawn }}
  weight: {{ index $values.lanes.weights $name }}
  {{- end }}
  headers:
    request:
      {{- include (printf "traffic-lanes.%s.laneHeaders" $model.provider) $headers | nindent 6 }}
    {{- if or $values.lanes.respond (and $rule.drawn $cookie) }}
    response:
      {{- with $values.lanes.respond }}
      set:
        {{ toYaml . }}: {{ toYaml $name }}
      {{- end }}
      {{- if and $rule.drawn $cookie }}
      add:
        set-cookie: {{ $cookie }}
      {{- end }}
    {{- end }}
  {{- with include (printf "traffic-lanes.%s.fallback" $model.provider) (merge (dict "model" $model) $target) }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/*
Istio's match of a string, from {exact, prefix or regex: value}.
Usage: {{ include "traffic-lanes.stringMatch" (dict "exact" "v2") }}
*/}}
{{- define "traffic-lanes.stringMatch" -}}
{{- range $how, $value := . -}}
{{ $how }}: {{ include "traffic-lanes.yaml" $value }}
{{- end -}}
{{- end -}}

{{/*
Conditions of a VirtualService's rule, from one of a rule's `matches`.
Usage: {{ include "traffic-lanes.virtualServiceMatch" (first $rule.matches) }}
*/}}
{{- define "traffic-lanes.virtualServiceMatch" -}}
{{- with .host }}
authority:
  {{- include "traffic-lanes.stringMatch" (dict "regex" .) | nindent 2 }}
{{- end }}
{{- with .headers }}
headers:
  {{- range $name, $how := . }}
  {{ toYaml $name }}:
    {{- include "traffic-lanes.stringMatch" $how | nindent 4 }}
  {{- end }}
{{- end }}
{{- with .path }}
uri:
  {{- include "traffic-lanes.stringMatch" (dict "regex" (include "traffic-lanes.pathRegex" .)) | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Regular expression for a path and all paths below it: /beta and /beta/x, but not /betamax.
Usage: {{ include "traffic-lanes.pathRegex" "/beta" }}
*/}}
{{- define "traffic-lanes.pathRegex" -}}
{{ regexQuoteMeta . }}(/.*)?
{{- end -}}

{{/*
Requests that enter a lane by an entry rule, in terms of an AuthorizationPolicy, as a JSON list of {hosts, paths,
headers: {name: [value]}}. Requests of other releases may come by the same gateway: where this release has
hosts of its own, without a *, only requests to them count.
Usage: {{ include "traffic-lanes.enterConditions" (dict "model" $model "values" .Values) | fromJsonArray }}
*/}}
{{- define "traffic-lanes.enterConditions" -}}
{{- $enter := .values.lanes.enter -}}
{{- $open := include "traffic-lanes.enterableLanes" .values.lanes | fromJsonArray -}}
{{- $served := include "traffic-lanes.gatewayHosts" .model | fromYamlArray -}}
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

{{/*
Hosts with and without a port, as a JSON list.
Usage: {{ include "traffic-lanes.anyPort" (list "shop.test") | fromJsonArray }}
*/}}
{{- define "traffic-lanes.anyPort" -}}
{{- $hosts := list -}}
{{- range . }}{{ $hosts = append $hosts . }}{{ $hosts = append $hosts (printf "%s:*" .) }}{{ end -}}
{{- toJson $hosts -}}
{{- end -}}
