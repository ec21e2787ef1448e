{{/* What every service's pods get fits together: in the defaults, at the service, at a version. What is
wrong is told once, where it begins. */}}
{{- define "traffic-lanes.checks.pods" -}}
{{- $defaults := .Values.defaults -}}
{{- $general := include "traffic-lanes.misfits" (list $defaults) -}}
{{- include "traffic-lanes.layerChecks" (dict "root" $ "at" "defaults" "keys" $defaults "misfits" $general "told" "") }}
{{- range $name, $service := .Values.services }}
{{- $at := printf "services.%s" $name }}
{{- $keys := omit $service "versions" "upstreams" }}
{{- $misfits := $general }}
{{- if $keys }}{{ $misfits = include "traffic-lanes.misfits" (list $defaults $keys) }}{{ end }}
{{- include "traffic-lanes.layerChecks" (dict "root" $ "at" $at "keys" $keys "misfits" $misfits "told" $general) }}
{{- $told := printf "%s\n%s" $general $misfits }}
{{- range $version, $special := $service.versions }}
{{- if $special }}
{{- $within := printf "%s.versions.%s" $at $version }}
{{- $those := include "traffic-lanes.misfits" (list $defaults $keys $special) }}
{{- include "traffic-lanes.layerChecks" (dict "root" $ "at" $within "keys" $special "misfits" $those "told" $told) }}
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.model.services }}
{{- if eq (int .port) (int .managementPort) }}
- services.{{ .name }}: port and managementPort are both {{ .port }}: one takes requests, the other probes
{{- end }}
{{- end }}
{{- end -}}

{{/* What is wrong with one layer of keys, from {root, at, keys, misfits, told}: in itself, and of its
misfits with those below what was not told there. */}}
{{- define "traffic-lanes.layerChecks" -}}
{{- $root := .root -}}
{{- $at := .at -}}
{{- $told := splitList "\n" .told -}}
{{- range splitList "\n" .misfits | compact }}
{{- if not (has . $told) }}
- {{ $at }}.{{ . }}
{{- end }}
{{- end }}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{- $handlers := include "traffic-lanes.handlers" (get $.keys $probe) | fromJsonArray }}
{{- if eq $at "defaults" }}{{ $handlers = without $handlers "httpGet" }}{{ end }}
{{- if gt (len $handlers) 1 }}
- {{ $at }}.{{ $probe }} has {{ join " and " $handlers }}, and a probe asks in one way only: keep one
{{- end }}
{{- end }}
{{- $kubernetes := $root.Capabilities.KubeVersion.Version }}
{{- if and .keys.preStop (semverCompare "<1.30.0-0" $kubernetes) }}
- {{ $at }}.preStop needs Kubernetes 1.30, and this is {{ $kubernetes }}: leave it at 0
{{- end }}
{{- $variables := list "app" "version" "upstream_url" "lane_header" "port" "management_port" "drain"
      "POD_IP" "POD_NAMESPACE" }}
{{- range $variable, $_ := .keys.env }}
{{- if has $variable $variables }}
- {{ $at }}.env: {{ $variable }} is the chart's to set
{{- end }}
{{- end }}
{{- $model := $root.Values.model }}
{{- $labels := concat (include "traffic-lanes.ownLabels" $root | fromYamlArray) $model.mesh.podLabels
      (list "version" "app.kubernetes.io/version" $model.label) }}
{{- range $label, $_ := .keys.podLabels }}
{{- if or (hasPrefix "traffic-lanes/" $label) (has $label $labels) }}
- {{ $at }}.podLabels: {{ $label }} is the chart's to set
{{- end }}
{{- end }}
{{- end -}}

{{/* What does not fit together in layers of keys once they are merged, a line each. */}}
{{- define "traffic-lanes.misfits" -}}
{{- $pod := include "traffic-lanes.merged" . | fromJson -}}
{{- with $pod.autoscaling }}
{{- if .enabled }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
autoscaling: minReplicas {{ .minReplicas }} is above maxReplicas {{ .maxReplicas }}
{{- end }}
{{- $resources := default dict $pod.resources }}
{{- if not (or (dig "requests" "cpu" "" $resources) (dig "limits" "cpu" "" $resources)) }}
autoscaling: targetCPU is a percentage of resources.requests.cpu, which is not set
{{- end }}
{{- end }}
{{- end }}
{{- range $name := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{- with get $pod $name }}
{{- $probe := . }}
{{- range $handler := include "traffic-lanes.handlers" $probe | fromJsonArray }}
{{- $key := ternary "command" "port" (eq $handler "exec") }}
{{- if not (get (get $probe $handler) $key) }}
{{ $name }}: {{ $handler }} lacks its {{ $key }}
{{- end }}
{{- else }}
{{ $name }} has nothing to ask: set httpGet, tcpSocket, exec or grpc, or take it away by null
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Services that share a ServiceAccount agree on it. */}}
{{- define "traffic-lanes.checks.accounts" -}}
{{- $owners := dict -}}
{{- range $service := .Values.model.services }}
{{- if .serviceAccount.create }}
{{- $account := include "traffic-lanes.account" . }}
{{- with get $owners $account }}
{{- if ne (toJson .serviceAccount.annotations) (toJson $service.serviceAccount.annotations) }}
- services.{{ .name }} and services.{{ $service.name }} share the ServiceAccount {{ quote $account }}:
  give them the same serviceAccount.annotations, or names of their own
{{- end }}
{{- else }}
{{- $_ := set $owners $account $service }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What is injected carries the lane. */}}
{{- define "traffic-lanes.checks.instrumentation" -}}
{{- if not (has "baggage" .Values.instrumentation.propagators) }}
- instrumentation.propagators lacks baggage, which carries the lane
{{- end }}
{{- end -}}
