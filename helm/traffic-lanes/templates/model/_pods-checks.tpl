{{/*
Keys of pods fit together: in `sample`, in `defaults`, at the service, at a version. A mistake is reported
once, where it begins. Kubernetes checks its own fields.
Usage: {{ include "traffic-lanes.checks.pods" . }}
*/}}
{{- define "traffic-lanes.checks.pods" -}}
{{- $values := .Values -}}
{{- include "traffic-lanes.layerProblems" (dict "root" $ "at" "sample" "keys" $values.sample "sample" true) }}
{{- $general := include "traffic-lanes.mergedProblems" (dict "values" $values "layers" list) -}}
{{- $defaults := dict "root" $ "at" "defaults" "keys" $values.defaults "problems" $general -}}
{{- include "traffic-lanes.layerProblems" (merge $defaults (dict "sample" $values.defaults.sample)) }}
{{- range $name, $service := $values.services }}
{{- $keys := omit $service "versions" "upstreams" }}
{{- $own := dict "root" $ "at" (printf "services.%s" $name) "keys" $keys "reported" $general }}
{{- $layers := dict "values" $values "layers" (list $keys) "runs" $values.workloads.enabled }}
{{- $problems := include "traffic-lanes.mergedProblems" $layers }}
{{- $sample := ternary $keys.sample $values.defaults.sample (hasKey $keys "sample") }}
{{- include "traffic-lanes.layerProblems" (merge $own (dict "problems" $problems "sample" $sample)) }}
{{- $reported := printf "%s\n%s" $general $problems }}
{{- range $version, $special := $service.versions }}
{{- if $special }}
{{- $at := printf "services.%s.versions.%s" $name $version }}
{{- $within := dict "root" $ "at" $at "keys" $special "reported" $reported }}
{{- $layers := dict "values" $values "layers" (list $keys $special) "runs" $values.workloads.enabled }}
{{- $problems := include "traffic-lanes.mergedProblems" $layers }}
{{- $sample := ternary $special.sample $sample (hasKey $special "sample") }}
{{- include "traffic-lanes.layerProblems" (merge $within (dict "problems" $problems "sample" $sample)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Mistakes in one layer of keys: those of the layer itself, where `sample` says whether the image is the
sample's, and those of `problems`, from merging, that `reported` lacks.
Usage: {{ include "traffic-lanes.layerProblems" (dict "root" $ "at" "defaults" "keys" $keys "sample" true
  "problems" $problems "reported" $below) }}
*/}}
{{- define "traffic-lanes.layerProblems" -}}
{{- $at := .at -}}
{{- $keys := .keys -}}
{{- $reported := splitList "\n" (.reported | default "") -}}
{{- range splitList "\n" (.problems | default "") | compact }}
{{- if not (has . $reported) }}
- {{ $at }}.{{ . }}
{{- end }}
{{- end }}
{{- range $piece, $fields := include "traffic-lanes.reservedFields" . | fromYaml }}
{{- range $field, $why := $fields }}
{{- if hasKey (get $keys $piece | default dict) $field }}
- {{ $at }}.{{ $piece }}: {{ $field }} is not supported here. {{ $why }}
{{- end }}
{{- end }}
{{- end }}
{{- range ($keys.pod | default dict).containers }}
{{- if eq .name "default" }}
- {{ $at }}.pod.containers: the container default is the service's own. Set its keys in `container`.
{{- end }}
{{- end }}
{{- with $keys.service }}
{{- if hasKey (.annotations | default dict) "traffic-lanes/calls" }}
- {{ $at }}.service.annotations: the chart sets traffic-lanes/calls itself, from `upstreams`. Remove it here.
{{- end }}
{{- range .ports }}
{{- if and (eq .name "http") (or (hasKey . "port") (hasKey . "targetPort") (hasKey . "appProtocol")) }}
- {{ $at }}.service.ports: the port http comes from the keys port, targetPort and appProtocol. Set those instead.
{{- else if not (or (eq .name "http") .port) }}
- {{ $at }}.service.ports: {{ .name }} has no port. Set it, as in {name: {{ .name }}, port: 9000}.
{{- end }}
{{- end }}
{{- end }}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{- $handlers := include "traffic-lanes.handlers" (get ($keys.container | default dict) $probe) | fromJsonArray }}
{{- if eq $at "sample" }}{{ $handlers = without $handlers "httpGet" }}{{ end }}
{{- if gt (len $handlers) 1 }}
- {{ $at }}.container.{{ $probe }} has {{ join " and " $handlers }}, and a probe has one of them. Keep
  one, and set null for the other.
{{- end }}
{{- end }}
{{- $kubernetes := .root.Capabilities.KubeVersion.Version }}
{{- if and $keys.drain (not .sample) (semverCompare "<1.30.0-0" $kubernetes) }}
- {{ $at }}.drain needs Kubernetes 1.30 or later, and this is {{ $kubernetes }}. Remove it, or set
  container.lifecycle.preStop.
{{- end }}
{{- $variables := list "app" "version" "upstream_url" "lane_header" "port" "management_port" "drain"
      "POD_IP" "POD_NAMESPACE" }}
{{- range $variable, $_ := ternary $keys.env dict .sample }}
{{- if has $variable $variables }}
- {{ $at }}.env: the chart sets {{ $variable }} itself. Remove it here.
{{- end }}
{{- end }}
{{- $model := .root.Model }}
{{- $labels := concat (include "traffic-lanes.unversionedLabels" .root | fromYamlArray) $model.mesh.podLabels
      (list "version" "app.kubernetes.io/version" $model.label) }}
{{- range $label, $_ := $keys.podLabels }}
{{- if or (hasPrefix "traffic-lanes/" $label) (has $label $labels) }}
- {{ $at }}.podLabels: the chart sets {{ $label }} itself. Remove it here.
{{- end }}
{{- end }}
{{- end -}}

{{/*
Fields of Kubernetes objects that values can't set there, and why, as YAML.
Usage: {{ include "traffic-lanes.reservedFields" . | fromYaml }}
*/}}
{{- define "traffic-lanes.reservedFields" -}}
container:
  name: The chart finds the container by the name default. Remove the key.
  image: Set `image` beside `container`.
  imagePullPolicy: Set `image.pullPolicy` beside `container`.
  env: Set `env` beside `container`, where two files may each add variables.
pod:
  serviceAccountName: Set `serviceAccount.name` beside `pod`.
  serviceAccount: Set `serviceAccount.name` beside `pod`.
  hostNetwork: It keeps the sidecar out, and with it the lanes. Remove it.
service:
  selector: The mesh finds the pods of all versions by the chart's. Remove it.
deployment:
  selector: The lanes find their pods by the chart's. Remove it.
  replicas: Set `replicas` beside `deployment`.
  template: Set `pod`, `container`, `podLabels` and `podAnnotations`, which make it.
{{- end -}}

{{/*
Mistakes that layers of keys have once they are merged, a line each. `runs`: pods come of them.
Usage: {{ include "traffic-lanes.mergedProblems" (dict "values" $values "layers" (list $keys) "runs" true) }}
*/}}
{{- define "traffic-lanes.mergedProblems" -}}
{{- $keys := include "traffic-lanes.podKeys" . | fromJson -}}
{{- if and .runs (not ($keys.image | default dict).repository) }}
image.repository is missing, and the chart knows the sample's image only. Set it to your image.
{{- end }}
{{- $names := dict -}}
{{- $numbers := dict -}}
{{- range $port := $keys.container.ports }}
{{- $number := printf "%v (%s)" .containerPort (.protocol | default "TCP") }}
{{- with get $names $number }}
container.ports: {{ . }} and {{ $port.name }} are both {{ $number }}. Change one.
{{- end }}
{{- $_ := set $names $number .name }}
{{- $_ := set $numbers .name .containerPort }}
{{- end }}
{{- $lacking := printf "that no container has. Use one of container.ports (%s), or add it there."
      (keys $numbers | sortAlpha | join ", ") }}
{{- range ternary $keys.service.ports list .values.workloads.enabled }}
{{- if and (kindIs "string" .targetPort) (not (hasKey $numbers .targetPort)) }}
service.ports: {{ .name }} leads to a port {{ quote .targetPort }} {{ $lacking }}
{{- end }}
{{- end }}
{{- with $keys.autoscaling }}
{{- if .enabled }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
autoscaling: minReplicas {{ .minReplicas }} is above maxReplicas {{ .maxReplicas }}. Change one.
{{- end }}
{{- $resources := default dict $keys.container.resources }}
{{- if not (or (dig "requests" "cpu" "" $resources) (dig "limits" "cpu" "" $resources)) }}
autoscaling: targetCPU is a percentage of container.resources.requests.cpu, which is not set. Set it.
{{- end }}
{{- end }}
{{- end }}
{{- range $name := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{- with get $keys.container $name }}
{{- $probe := . }}
{{- range $handler := include "traffic-lanes.handlers" $probe | fromJsonArray }}
{{- $key := ternary "command" "port" (eq $handler "exec") }}
{{- $wanted := get (get $probe $handler) $key }}
{{- if not $wanted }}
container.{{ $name }}: {{ $handler }} has no {{ $key }}. Set it.
{{- else if and (kindIs "string" $wanted) (not (hasKey $numbers $wanted)) }}
container.{{ $name }} leads to a port {{ quote $wanted }} {{ $lacking }}
{{- end }}
{{- else }}
container.{{ $name }} has no handler. Set httpGet, tcpSocket, exec or grpc, or remove the probe with null.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Services that share a ServiceAccount agree on it.
Usage: {{ include "traffic-lanes.checks.accounts" . }}
*/}}
{{- define "traffic-lanes.checks.accounts" -}}
{{- $owners := dict -}}
{{- range $service := .Model.services }}
{{- if .serviceAccount.create }}
{{- $account := include "traffic-lanes.serviceAccountName" . }}
{{- $key := printf "%s/%s" .namespace $account }}
{{- with get $owners $key }}
{{- if ne (toJson .serviceAccount.annotations) (toJson $service.serviceAccount.annotations) }}
- services.{{ .name }} and services.{{ $service.name }} share the ServiceAccount {{ quote $account }} with
  different serviceAccount.annotations. Give them the same ones, or set different names.
{{- end }}
{{- else }}
{{- $_ := set $owners $key $service }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
What is injected carries the lane.
Usage: {{ include "traffic-lanes.checks.instrumentation" . }}
*/}}
{{- define "traffic-lanes.checks.instrumentation" -}}
{{- with .Values.instrumentation.propagators }}
{{- if not (has "baggage" .) }}
- instrumentation.propagators lacks baggage, which carries the lane. Add it.
{{- end }}
{{- end }}
{{- end -}}
