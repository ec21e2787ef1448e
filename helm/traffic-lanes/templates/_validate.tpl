{{/*
What a schema can't say: how the values fit each other. All mistakes are told at once, a sentence
each.
*/}}
{{- define "traffic-lanes.validate" -}}
{{- $services := .Values.services -}}
{{- $lanes := .Values.lanes -}}
{{- $wrong := list -}}

{{- $headers := list "accept" "authorization" "b3" "baggage" "connection" "cookie" "expect" "forwarded" "host" "keep-alive"
      "origin" "range" "referer" "set-cookie" "te" "trailer" "traceparent" "tracestate" "transfer-encoding" "upgrade"
      "user-agent" "via" "x-request-id" -}}
{{- $named := dict "lanes.header" $lanes.header "lanes.enter.header" $lanes.enter.header "lanes.respond" $lanes.respond -}}
{{- range $key, $header := $named -}}
{{- if and (empty $header) (ne $key "lanes.header") -}}
{{- else if not (regexMatch "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" $header) -}}
{{- $wrong = append $wrong (printf "%s %q can't be one: lower-case letters, digits and '-', 40 at most, a letter first" $key $header) -}}
{{- else if or (has $header $headers) (regexMatch "^(accept|content|if|proxy|sec|x-(b3|envoy|forwarded))-" $header) -}}
{{- $wrong = append $wrong (printf "%s %q has a meaning of its own: take another" $key $header) -}}
{{- end -}}
{{- end -}}
{{- $labels := list "app" "app.kubernetes.io/name" "app.kubernetes.io/part-of" -}}
{{- if or (hasPrefix "traffic-lanes/" $lanes.label) (has $lanes.label (append $labels "app.kubernetes.io/managed-by")) -}}
{{- $wrong = append $wrong (printf "lanes.label: %s is the chart's to set, and holds no version: take another" $lanes.label) -}}
{{- end -}}
{{- $labels = concat $labels (list "version" "app.kubernetes.io/version" $lanes.label (ternary "ASM_TRAFFIC_TAG" "" (eq .Values.mesh.provider "asm"))) -}}
{{- range $lane, $_ := $lanes.weights -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$" $lane) -}}
{{- $wrong = append $wrong (printf "lanes.weights: %q can't name a lane: lower-case letters, digits and '-', 20 at most, a letter or digit at both ends" $lane) -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := $services -}}
{{- if not (regexMatch "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" $name) -}}
{{- $wrong = append $wrong (printf "services: %q can't name a service: lower-case letters, digits and '-', 40 at most, a letter first and no '-' last" $name) -}}
{{- end -}}
{{- end -}}

{{- $sum := 0 -}}
{{- $weights := list -}}
{{- range $lane, $weight := $lanes.weights -}}
{{- $sum = add $sum $weight -}}
{{- $weights = append $weights (printf "%s: %d" $lane (int $weight)) -}}
{{- end -}}
{{- if ne (int $sum) 100 -}}
{{- $wrong = append $wrong (printf "lanes.weights add up to %d, not to 100 (%s); a lane of the chart's own values goes away with `<lane>: null`" $sum (join ", " $weights)) -}}
{{- end -}}
{{- if not (hasKey $lanes.weights $lanes.baseline) -}}
{{- $wrong = append $wrong (printf "lanes.baseline %q is no lane: lanes.weights has %s" $lanes.baseline (keys $lanes.weights | sortAlpha | join ", ")) -}}
{{- end -}}

{{- $wrong = concat $wrong (include "traffic-lanes.astray" .Values | fromJsonArray) -}}

{{- $gateway := printf "%s-gateway" (include "traffic-lanes.name" .) -}}
{{- if and (hasKey $services $gateway) (not .Values.gateway.parentRefs) -}}
{{- $wrong = append $wrong (printf "services.%s and the gateway would both have a VirtualService %q: rename the service, or set nameOverride" $gateway $gateway) -}}
{{- end -}}

{{- $accounts := dict -}}
{{- $workloads := dict -}}
{{- $astray := false -}}
{{- range $name, $service := $services -}}
{{- $versions := keys $service.versions | sortAlpha -}}
{{- range $version := $versions -}}
{{- if not (hasKey $lanes.weights $version) -}}
{{- $wrong = append $wrong (printf "services.%s.versions: %q is no lane: lanes.weights has %s; null takes a version away" $name $version (keys $lanes.weights | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $workload := printf "%s-%s" $name $version -}}
{{- if hasKey $workloads $workload -}}
{{- $wrong = append $wrong (printf "services.%s and services.%s would both have a Deployment %q: rename one" (get $workloads $workload) $name $workload) -}}
{{- end -}}
{{- $_ := set $workloads $workload $name -}}
{{- end -}}
{{- if and (hasKey $lanes.weights $lanes.baseline) (not (has $lanes.baseline $versions)) -}}
{{- $wrong = append $wrong (printf "services.%s.versions (%s) lacks the baseline %s, which takes the requests of lanes that have no version here" $name (join ", " $versions | default "none but null") $lanes.baseline) -}}
{{- end -}}
{{- $layers := list $.Values.defaults (omit $service "versions") -}}
{{- $pods := list (dict "at" "defaults" "layers" (list $.Values.defaults)) (dict "at" (printf "services.%s" $name) "layers" $layers) -}}
{{- range $version, $keys := $service.versions -}}
{{- if $keys }}{{ $pods = append $pods (dict "at" (printf "services.%s.versions.%s" $name $version) "layers" (append $layers $keys)) }}{{ end -}}
{{- end -}}
{{- $own := include "traffic-lanes.merged" $layers | fromJson -}}
{{- if eq (int $own.port) (int $own.managementPort) -}}
{{- $wrong = append $wrong (printf "services.%s: port and managementPort are both %v: one takes requests, the other probes" $name $own.port) -}}
{{- end -}}
{{- $told := list -}}
{{- range $pod := $pods -}}
{{- $keys := last $pod.layers -}}
{{- range include "traffic-lanes.misfits" $pod.layers | fromJsonArray -}}
{{- if not (has . $told) }}{{ $wrong = append $wrong (printf "%s.%s" $pod.at .) }}{{ end -}}
{{- $told = append $told . -}}
{{- end -}}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" -}}
{{- $handlers := include "traffic-lanes.handlers" (get $keys $probe) | fromJsonArray -}}
{{- if eq $pod.at "defaults" }}{{ $handlers = without $handlers "httpGet" }}{{ end -}}
{{- if gt (len $handlers) 1 -}}
{{- $wrong = append $wrong (printf "%s.%s has %s, and a probe asks in one way only: keep one" $pod.at $probe (join " and " $handlers)) -}}
{{- end -}}
{{- end -}}
{{- if and $keys.preStop (semverCompare "<1.30.0-0" $.Capabilities.KubeVersion.Version) -}}
{{- $wrong = append $wrong (printf "%s.preStop needs Kubernetes 1.30, and this is %s: leave it at 0" $pod.at $.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- range $key, $_ := $keys.env -}}
{{- if has $key (list "app" "version" "upstream_url" "lane_header" "port" "management_port" "drain" "POD_IP" "POD_NAMESPACE") -}}
{{- $wrong = append $wrong (printf "%s.env: %s is the chart's to set" $pod.at $key) -}}
{{- end -}}
{{- end -}}
{{- range $key, $_ := $keys.podLabels -}}
{{- if or (hasPrefix "traffic-lanes/" $key) (has $key $labels) -}}
{{- $wrong = append $wrong (printf "%s.podLabels: %s is the chart's to set" $pod.at $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $account := include "traffic-lanes.account" (dict "name" $name "serviceAccount" $own.serviceAccount) -}}
{{- if $own.serviceAccount.create -}}
{{- $other := get $accounts $account -}}
{{- if not $other -}}
{{- $_ := set $accounts $account (dict "name" $name "annotations" $own.serviceAccount.annotations) -}}
{{- else if ne (toJson $other.annotations) (toJson $own.serviceAccount.annotations) -}}
{{- $wrong = append $wrong (printf "services.%s and services.%s share the ServiceAccount %q: give them the same serviceAccount.annotations, or names of their own" $other.name $name $account) -}}
{{- end -}}
{{- end -}}
{{- $seen := list -}}
{{- range $upstream := $service.upstreams -}}
{{- if not (hasKey $services $upstream) -}}
{{- $astray = true -}}
{{- $wrong = append $wrong (printf "services.%s.upstreams: %q is no service: services has %s" $name $upstream (keys $services | sortAlpha | join ", ")) -}}
{{- else if has $upstream $seen -}}
{{- $wrong = append $wrong (printf "services.%s.upstreams lists %s more than once" $name $upstream) -}}
{{- end -}}
{{- $seen = append $seen $upstream -}}
{{- end -}}
{{- end -}}

{{- $placed := include "traffic-lanes.order" $services | fromJsonArray -}}
{{- $circle := list -}}
{{- range $name, $_ := $services }}{{ if not (has $name $placed) }}{{ $circle = append $circle $name }}{{ end }}{{ end -}}
{{- range $services -}}{{/* services behind the circle are not in it: peel them off, last hop first */}}
{{- $rest := list -}}
{{- range $name := $circle -}}
{{- range $upstream := (index $services $name).upstreams -}}
{{- if and (has $upstream $circle) (not (has $name $rest)) }}{{ $rest = append $rest $name }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $circle = $rest -}}
{{- end -}}

{{- $entry := include "traffic-lanes.entry" .Values -}}
{{- if $circle -}}
{{- $wrong = append $wrong (printf "the upstreams of %s form a circle: a request would never end" (join ", " $circle)) -}}
{{- else if and (contains " " $entry) (not $astray) -}}
{{- $wrong = append $wrong (printf "no other service calls %s, so it is open which of them the gateway calls: set gateway.service; a service of the chart's own values goes away with `<service>: null`" (splitList " " $entry | join " or ")) -}}
{{- else if not (or $astray (hasKey $services $entry)) -}}
{{- $wrong = append $wrong (printf "gateway.service %q is no service: services has %s" $entry (keys $services | sortAlpha | join ", ")) -}}
{{- end -}}

{{- $everywhere := or (eq $lanes.mode "strict") (eq $lanes.rules "all") -}}
{{- $ruled := ternary $lanes.weights (dig $entry "versions" dict $services) $everywhere -}}
{{- range $lane, $_ := ternary $ruled dict (and (hasKey $services $entry) (not (empty .Values.gateway.parentRefs)) (eq .Values.mesh.provider "istio")) -}}
{{- $backend := printf "%s-lane-%s" $entry $lane -}}
{{- if hasKey $services $backend -}}
{{- $wrong = append $wrong (printf "services.%s and gateway.parentRefs would both have a Service %q: rename the service" $backend $backend) -}}
{{- end -}}
{{- if gt (len $backend) 63 -}}
{{- $wrong = append $wrong (printf "gateway.parentRefs needs a Service %q, whose name has %d characters and may have 63: shorten that of the service or of the lane" $backend (len $backend)) -}}
{{- end -}}
{{- end -}}
{{- if not (has "baggage" .Values.instrumentation.propagators) -}}
{{- $wrong = append $wrong "instrumentation.propagators lacks baggage, which carries the lane" -}}
{{- end -}}
{{- if and .Values.gateway.parentRefs (eq .Values.mesh.provider "asm") -}}
{{- $wrong = append $wrong "gateway.parentRefs: HTTPRoutes need mesh.provider istio or gateway-api, for ASM's fallback has no place in them" -}}
{{- end -}}
{{- $wrong = concat $wrong (include "traffic-lanes.unrouted" . | fromJsonArray) -}}
{{- if and .Values.gateway.parentRefs .Values.gateway.existing -}}
{{- $wrong = append $wrong "gateway.existing names an Istio Gateway and gateway.parentRefs those of the Gateway API: set one of them" -}}
{{- end -}}
{{- if and .Values.gateway.tls.secret (or .Values.gateway.parentRefs .Values.gateway.existing) -}}
{{- $wrong = append $wrong "gateway.tls is for the Gateway that the chart creates: one that is there already has its own" -}}
{{- end -}}

{{- if and .Values.gateway.tls.secret (eq (int .Values.gateway.port) (int .Values.gateway.tls.port)) -}}
{{- $wrong = append $wrong (printf "gateway.port and gateway.tls.port are both %v: one answers HTTP, the other HTTPS" .Values.gateway.port) -}}
{{- end -}}

{{- if and .Values.test.ca.secret .Values.test.ca.configMap -}}
{{- $wrong = append $wrong "test.ca names a Secret and a ConfigMap: set one of them" -}}
{{- end -}}

{{- $wrong = concat $wrong (include "traffic-lanes.missing" . | fromJsonArray) (include "traffic-lanes.hasty" . | fromJsonArray) -}}

{{- if $wrong -}}
{{- fail (printf "\n\nthese values don't fit together:\n- %s\n" (uniq $wrong | join "\n- ")) -}}
{{- end -}}
{{- end -}}

{{/* What is wrong with the ways in, a sentence each, from the values, as a JSON list. */}}
{{- define "traffic-lanes.astray" -}}
{{- $lanes := .lanes -}}
{{- $enter := $lanes.enter -}}
{{- $names := keys $lanes.weights | sortAlpha | join ", " -}}
{{- $wrong := list -}}
{{- range $key, $named := dict "lanes" $enter.lanes "match" $enter.match -}}
{{- range $lane, $_ := $named -}}
{{- if not (hasKey $lanes.weights $lane) -}}
{{- $wrong = append $wrong (printf "lanes.enter.%s: %q is no lane: lanes.weights has %s; null takes it away" $key $lane $names) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $enter.host (not (regexMatch "^[*]([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$" $enter.host)) -}}
{{- $wrong = append $wrong (printf "lanes.enter.host %q can't be one: *.preview.example.com, where the * stands for the lane's name" $enter.host) -}}
{{- end -}}
{{- if and $enter.cookie (eq $enter.cookie $lanes.sticky.cookie) -}}
{{- $wrong = append $wrong (printf "lanes.enter.cookie and lanes.sticky.cookie are both %s: whom the weights drew would enter on purpose, and stay in a lane of weight 0; name them apart" $enter.cookie) -}}
{{- end -}}
{{- if and $enter.from $enter.cookie -}}
{{- $wrong = append $wrong "lanes.enter.from can't be kept for lanes.enter.cookie: an AuthorizationPolicy can't look for one cookie among others; open a header or a host instead" -}}
{{- end -}}
{{- range $lane, $matches := ternary $enter.match dict (not (empty $enter.from)) -}}
{{- range $matches -}}
{{- range $name, $how := .headers -}}
{{- if $how.regex -}}
{{- $wrong = append $wrong (printf "lanes.enter.from can't be kept for lanes.enter.match.%s: an AuthorizationPolicy knows no regex, and %s has one; match it by exact or prefix" $lane $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .gateway.parentRefs -}}
{{- if and $enter.host (eq .mesh.provider "istio") -}}
{{- $wrong = append $wrong "lanes.enter.host: a rule of an HTTPRoute can't ask for a host; open a header or a cookie instead, or take an Istio Gateway" -}}
{{- end -}}
{{- if and $lanes.sticky.cookie (eq .gateway.clientBaggage "keep") -}}
{{- $wrong = append $wrong "lanes.sticky and gateway.clientBaggage keep: in an HTTPRoute, rules that ask for both come before every way in; leave one out, or take an Istio Gateway" -}}
{{- end -}}
{{- $rules := include "traffic-lanes.rules" . | fromJsonArray | len -}}
{{- if gt $rules 16 -}}
{{- $wrong = append $wrong (printf "lanes.enter and lanes.sticky: with gateway.parentRefs they make %d rules, and an HTTPRoute has 16 at most; name fewer lanes in lanes.enter.lanes, or take an Istio Gateway" $rules) -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{/* What is wrong with layers of a service's keys once they are merged, a sentence each, as a JSON
list. */}}
{{- define "traffic-lanes.misfits" -}}
{{- $pod := include "traffic-lanes.merged" . | fromJson -}}
{{- $wrong := list -}}
{{- if $pod.autoscaling.enabled -}}
{{- if gt (int $pod.autoscaling.minReplicas) (int $pod.autoscaling.maxReplicas) -}}
{{- $wrong = append $wrong (printf "autoscaling: minReplicas %v is above maxReplicas %v" $pod.autoscaling.minReplicas $pod.autoscaling.maxReplicas) -}}
{{- end -}}
{{- $resources := default dict $pod.resources -}}
{{- if not (or (dig "requests" "cpu" "" $resources) (dig "limits" "cpu" "" $resources)) -}}
{{- $wrong = append $wrong "autoscaling: targetCPU is a percentage of resources.requests.cpu, which is not set" -}}
{{- end -}}
{{- end -}}
{{- range $name := list "startupProbe" "readinessProbe" "livenessProbe" -}}
{{- with get $pod $name -}}
{{- $probe := . -}}
{{- range $handler := include "traffic-lanes.handlers" $probe | fromJsonArray -}}
{{- $key := ternary "command" "port" (eq $handler "exec") -}}
{{- if not (get (get $probe $handler) $key) -}}
{{- $wrong = append $wrong (printf "%s: %s lacks its %s" $name $handler $key) -}}
{{- end -}}
{{- else -}}
{{- $wrong = append $wrong (printf "%s has nothing to ask: set httpGet, tcpSocket, exec or grpc, or take it away by null" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{/* APIs that the resources need and the cluster lacks, a sentence each, as a JSON list. `helm template`
knows those of its own Kubernetes only; a cluster offers aggregation besides. */}}
{{- define "traffic-lanes.missing" -}}
{{- $values := .Values -}}
{{- $workloads := $values.workloads.enabled -}}
{{- $routing := $values.routing.enabled -}}
{{- $asm := eq $values.mesh.provider "asm" -}}
{{- $needs := list
      (dict "if" (and $routing $asm) "api" "istio.alibabacloud.com/v1beta1"
        "say" "mesh.provider asm: there is no ASM here (%s): on upstream Istio set mesh.provider=istio; on ASM this half goes to the mesh's own API server, and the cluster gets the rest by routing.enabled=false")
      (dict "if" (and $routing (eq $values.mesh.provider "istio")) "api" "networking.istio.io/v1"
        "say" "mesh.provider istio: there is no Istio 1.22 or later here (%s): install Istio first")
      (dict "if" (and $routing (not (empty $values.gateway.parentRefs))) "api" "gateway.networking.k8s.io/v1"
        "say" "gateway.parentRefs: the Kubernetes Gateway API is not here (%s): install its CRDs first")
      (dict "if" (and $routing (eq $values.mesh.provider "gateway-api") (or $values.peerAuthentication.enabled $values.authorizationPolicy.enabled)) "api" "security.istio.io/v1"
        "say" "peerAuthentication and authorizationPolicy are Istio's, and Istio is not here (%s): leave them off")
      (dict "if" (and $workloads (eq $values.instrumentation.mode "operator")) "api" "opentelemetry.io/v1alpha1"
        "say" "instrumentation.mode operator: the OpenTelemetry Operator is not here (%s): install it first, or set instrumentation.mode=image")
      (dict "if" (and $workloads $values.serviceMonitor.enabled) "api" "monitoring.coreos.com/v1"
        "say" "serviceMonitor: the Prometheus Operator is not here (%s): install it first") -}}
{{- $missing := list -}}
{{- if .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1" -}}
{{- range $needs -}}
{{- if and .if (not ($.Capabilities.APIVersions.Has .api)) }}{{ $missing = append $missing (printf .say (printf "no %s" .api)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toJson $missing -}}
{{- end -}}
