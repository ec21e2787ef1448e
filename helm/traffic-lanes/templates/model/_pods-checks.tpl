{{/* What every service's pods get fits together: in `sample`, `defaults`, at the service, at a version.
What is wrong is told once, where it begins; what Kubernetes knows of its own fields it says itself. */}}
{{- define "traffic-lanes.checks.pods" -}}
{{- $values := .Values -}}
{{- include "traffic-lanes.layerChecks" (dict "root" $ "at" "sample" "keys" $values.sample "sample" true) }}
{{- $general := include "traffic-lanes.misfits" (dict "values" $values "layers" list) -}}
{{- $defaults := dict "root" $ "at" "defaults" "keys" $values.defaults "misfits" $general -}}
{{- include "traffic-lanes.layerChecks" (merge $defaults (dict "sample" $values.defaults.sample)) }}
{{- range $name, $service := $values.services }}
{{- $keys := omit $service "versions" "upstreams" }}
{{- $own := dict "root" $ "at" (printf "services.%s" $name) "keys" $keys "told" $general }}
{{- $layers := dict "values" $values "layers" (list $keys) "runs" $values.workloads.enabled }}
{{- $misfits := include "traffic-lanes.misfits" $layers }}
{{- $sample := ternary $keys.sample $values.defaults.sample (hasKey $keys "sample") }}
{{- include "traffic-lanes.layerChecks" (merge $own (dict "misfits" $misfits "sample" $sample)) }}
{{- $told := printf "%s\n%s" $general $misfits }}
{{- range $version, $special := $service.versions }}
{{- if $special }}
{{- $within := dict "root" $ "at" (printf "services.%s.versions.%s" $name $version) "keys" $special "told" $told }}
{{- $layers := dict "values" $values "layers" (list $keys $special) "runs" $values.workloads.enabled }}
{{- $misfits := include "traffic-lanes.misfits" $layers }}
{{- $sample := ternary $special.sample $sample (hasKey $special "sample") }}
{{- include "traffic-lanes.layerChecks" (merge $within (dict "misfits" $misfits "sample" $sample)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What is wrong with one layer of keys, from {root, at, keys, sample, misfits, told}: in itself, where
`sample` says whether the image is the sample's, and of its misfits with the layers below what was not
told there. */}}
{{- define "traffic-lanes.layerChecks" -}}
{{- $at := .at -}}
{{- $keys := .keys -}}
{{- $told := splitList "\n" (.told | default "") -}}
{{- range splitList "\n" (.misfits | default "") | compact }}
{{- if not (has . $told) }}
- {{ $at }}.{{ . }}
{{- end }}
{{- end }}
{{- range $piece, $fields := include "traffic-lanes.reserved" . | fromYaml }}
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
- {{ $at }}.service.annotations: traffic-lanes/calls is the chart's to set, from `upstreams`
{{- end }}
{{- range .ports }}
{{- if and (eq .name "http") (or (hasKey . "port") (hasKey . "targetPort")) }}
- {{ $at }}.service.ports: http leads from `port` to the container's port http: set those
{{- else if not (or (eq .name "http") .port) }}
- {{ $at }}.service.ports: {{ .name }} lacks its port
{{- end }}
{{- end }}
{{- end }}
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{- $handlers := include "traffic-lanes.handlers" (get ($keys.container | default dict) $probe) | fromJsonArray }}
{{- if eq $at "sample" }}{{ $handlers = without $handlers "httpGet" }}{{ end }}
{{- if gt (len $handlers) 1 }}
- {{ $at }}.container.{{ $probe }} has {{ join " and " $handlers }}, and a probe asks in one way only: keep one
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
- {{ $at }}.env: {{ $variable }} is the chart's to set
{{- end }}
{{- end }}
{{- $model := .root.Values.model }}
{{- $labels := concat (include "traffic-lanes.ownLabels" .root | fromYamlArray) $model.mesh.podLabels
      (list "version" "app.kubernetes.io/version" $model.label) }}
{{- range $label, $_ := $keys.podLabels }}
{{- if or (hasPrefix "traffic-lanes/" $label) (has $label $labels) }}
- {{ $at }}.podLabels: {{ $label }} is the chart's to set
{{- end }}
{{- end }}
{{- end -}}

{{/* Fields of pieces of the Kubernetes API that are not the pieces' to say, and why. */}}
{{- define "traffic-lanes.reserved" -}}
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
  selector: "is the chart's to set: the mesh finds the pods of all versions by it"
deployment:
  selector: "is the chart's to set: the lanes find their pods by it"
  replicas: has a key of its own, `replicas`
  template: is what `pod`, `container`, `podLabels` and `podAnnotations` make
{{- end -}}

{{/* What does not fit together in layers of keys once they are merged, a line each, from {values, layers,
runs}: `runs` where pods come of them. */}}
{{- define "traffic-lanes.misfits" -}}
{{- $keys := include "traffic-lanes.layered" . | fromJson -}}
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
{{- range $keys.service.ports }}
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
{{- $asked := get (get $probe $handler) $key }}
{{- if not $asked }}
container.{{ $name }}: {{ $handler }} lacks its {{ $key }}
{{- else if and (kindIs "string" $asked) (not (hasKey $numbers $asked)) }}
container.{{ $name }} asks a port {{ quote $asked }}, and container.ports has {{ $known }}
{{- end }}
{{- else }}
container.{{ $name }} has nothing to ask: set httpGet, tcpSocket, exec or grpc, or take it away by null
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

{{/* What is injected carries the lane. */}}
{{- define "traffic-lanes.checks.instrumentation" -}}
{{- with .Values.instrumentation.propagators }}
{{- if not (has "baggage" .) }}
- instrumentation.propagators lacks baggage, which carries the lane
{{- end }}
{{- end }}
{{- end -}}
