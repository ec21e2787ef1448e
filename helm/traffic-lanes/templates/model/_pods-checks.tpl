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
- {{ $at }}.{{ $piece }}: {{ $field }} {{ $why }}
{{- end }}
{{- end }}
{{- end }}
{{- range ($keys.pod | default dict).containers }}
{{- if eq .name "default" }}
- {{ $at }}.pod.containers: default is the service's own: its keys go to `container`
{{- end }}
{{- end }}
{{- with $keys.service }}
{{- if hasKey (.annotations | default dict) "traffic-lanes/calls" }}
- {{ $at }}.service.annotations: traffic-lanes/calls is set by the chart, from `upstreams`
{{- end }}
{{- range .ports }}
{{- if and (eq .name "http") (or (hasKey . "port") (hasKey . "targetPort") (hasKey . "appProtocol")) }}
- {{ $at }}.service.ports: http is made of the keys port, targetPort and appProtocol: set those
{{- else if not (or (eq .name "http") .port) }}
- {{ $at }}.service.ports: {{ .name }} lacks its port
{{- end }}
{{- end }}
{{- end }}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{- $handlers := include "traffic-lanes.handlers" (get ($keys.container | default dict) $probe) | fromJsonArray }}
{{- if eq $at "sample" }}{{ $handlers = without $handlers "httpGet" }}{{ end }}
{{- if gt (len $handlers) 1 }}
- {{ $at }}.container.{{ $probe }} has {{ join " and " $handlers }}, and a probe has one of them: keep one
{{- end }}
{{- end }}
{{- $kubernetes := .root.Capabilities.KubeVersion.Version }}
{{- if and $keys.drain (not .sample) (semverCompare "<1.30.0-0" $kubernetes) }}
- {{ $at }}.drain: a hook that waits needs Kubernetes 1.30, and this is {{ $kubernetes }}: leave it out, or
  set container.lifecycle.preStop
{{- end }}
{{- $variables := list "app" "version" "upstream_url" "lane_header" "port" "management_port" "drain"
      "POD_IP" "POD_NAMESPACE" }}
{{- range $variable, $_ := ternary $keys.env dict .sample }}
{{- if has $variable $variables }}
- {{ $at }}.env: {{ $variable }} is set by the chart
{{- end }}
{{- end }}
{{- $model := .root.Model }}
{{- $labels := concat (include "traffic-lanes.unversionedLabels" .root | fromYamlArray) $model.mesh.podLabels
      (list "version" "app.kubernetes.io/version" $model.label) }}
{{- range $label, $_ := $keys.podLabels }}
{{- if or (hasPrefix "traffic-lanes/" $label) (has $label $labels) }}
- {{ $at }}.podLabels: {{ $label }} is set by the chart
{{- end }}
{{- end }}
{{- end -}}

{{/*
Fields of Kubernetes objects that values can't set there, and why, as YAML.
Usage: {{ include "traffic-lanes.reservedFields" . | fromYaml }}
*/}}
{{- define "traffic-lanes.reservedFields" -}}
container:
  name: is default, by which the rest of the chart finds it
  image: has a key of its own, `image`
  imagePullPolicy: has a key of its own, `image.pullPolicy`
  env: has a key of its own, `env`, to which two files may each add
pod:
  serviceAccountName: has a key of its own, `serviceAccount.name`
  serviceAccount: has a key of its own, `serviceAccount.name`
  hostNetwork: keeps the sidecar out, and with it the lanes
service:
  selector: "is set by the chart: the mesh finds the pods of all versions by it"
deployment:
  selector: "is set by the chart: the lanes find their pods by it"
  replicas: has a key of its own, `replicas`
  template: is what `pod`, `container`, `podLabels` and `podAnnotations` make
{{- end -}}

{{/*
Mistakes that layers of keys have once they are merged, a line each. `runs`: pods come of them.
Usage: {{ include "traffic-lanes.mergedProblems" (dict "values" $values "layers" (list $keys) "runs" true) }}
*/}}
{{- define "traffic-lanes.mergedProblems" -}}
{{- $keys := include "traffic-lanes.podKeys" . | fromJson -}}
{{- if and .runs (not ($keys.image | default dict).repository) }}
image.repository is missing: which image? Only the sample's is known
{{- end }}
{{- $names := dict -}}
{{- $numbers := dict -}}
{{- range $port := $keys.container.ports }}
{{- $number := printf "%v (%s)" .containerPort (.protocol | default "TCP") }}
{{- with get $names $number }}
container.ports: {{ . }} and {{ $port.name }} are both {{ $number }}
{{- end }}
{{- $_ := set $names $number .name }}
{{- $_ := set $numbers .name .containerPort }}
{{- end }}
{{- $known := keys $numbers | sortAlpha | join ", " }}
{{- range ternary $keys.service.ports list .values.workloads.enabled }}
{{- if and (kindIs "string" .targetPort) (not (hasKey $numbers .targetPort)) }}
service.ports: {{ .name }} leads to a port {{ quote .targetPort }}, and container.ports has {{ $known }}
{{- end }}
{{- end }}
{{- with $keys.autoscaling }}
{{- if .enabled }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
autoscaling: minReplicas {{ .minReplicas }} is above maxReplicas {{ .maxReplicas }}
{{- end }}
{{- $resources := default dict $keys.container.resources }}
{{- if not (or (dig "requests" "cpu" "" $resources) (dig "limits" "cpu" "" $resources)) }}
autoscaling: targetCPU is a percentage of container.resources.requests.cpu, which is not set
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
container.{{ $name }}: {{ $handler }} lacks its {{ $key }}
{{- else if and (kindIs "string" $wanted) (not (hasKey $numbers $wanted)) }}
container.{{ $name }} asks a port {{ quote $wanted }}, and container.ports has {{ $known }}
{{- end }}
{{- else }}
container.{{ $name }} has nothing to ask: set httpGet, tcpSocket, exec or grpc, or take it away by null
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
- services.{{ .name }} and services.{{ $service.name }} share the ServiceAccount {{ quote $account }}:
  give them the same serviceAccount.annotations, or names of their own
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
- instrumentation.propagators lacks baggage, which carries the lane
{{- end }}
{{- end }}
{{- end -}}
