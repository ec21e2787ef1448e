{{/*
The cluster has the APIs of what is rendered. `helm template` knows those of its own Kubernetes only;
a cluster offers aggregation besides.
Usage: {{ include "traffic-lanes.checks.cluster" . }}
*/}}
{{- define "traffic-lanes.checks.cluster" -}}
{{- $values := .Values -}}
{{- if semverCompare "<3.18.0-0" .Capabilities.HelmVersion.Version }}
- this is Helm {{ .Capabilities.HelmVersion.Version }}, which accepts misspelled keys of a service: use 3.18
  or later
{{- end }}
{{- $needs := ternary $.Model.mesh.needs list $values.routing.enabled -}}
{{- if and $values.routing.enabled $values.gateway.parentRefs -}}
{{- $needs = append $needs (dict "api" "gateway.networking.k8s.io/v1"
      "say" "gateway.parentRefs: the Kubernetes Gateway API is not here (%s): install its CRDs first") -}}
{{- end -}}
{{- if and $values.workloads.enabled (eq $values.instrumentation.mode "operator") -}}
{{- $needs = append $needs (dict "api" "opentelemetry.io/v1alpha1"
      "say" (print "instrumentation.mode operator: the OpenTelemetry Operator is not here (%s): install it "
      "first, or set instrumentation.mode=image")) -}}
{{- end -}}
{{- if and $values.workloads.enabled $values.serviceMonitor.enabled -}}
{{- $needs = append $needs (dict "api" "monitoring.coreos.com/v1"
      "say" "serviceMonitor: the Prometheus Operator is not here (%s): install it first") -}}
{{- end -}}
{{- if .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1" }}
{{- $others := list -}}
{{- range without (list "asm" "istio" "gateway-api") $.Model.provider -}}
{{- $facts := include (printf "traffic-lanes.%s.facts" .) $ | fromYaml -}}
{{- if $.Capabilities.APIVersions.Has $facts.api -}}
{{- $others = append $others (printf "mesh.provider=%s" .) -}}
{{- end -}}
{{- end -}}
{{- range $needs }}
{{- if not ($.Capabilities.APIVersions.Has .api) }}
- {{ printf .say (printf "no %s" .api) }}
{{- if eq .api $.Model.mesh.api }}{{ with $others }}. The APIs here are those of {{ join " or " . }}{{ end }}{{ end }}
{{- end }}
{{- end }}
{{- range $namespace := without (values $.Model.namespaces | uniq | sortAlpha) .Release.Namespace }}
{{- if not (lookup "v1" "Namespace" "" $namespace) }}
- namespace {{ $namespace }}, of services, does not exist: create it first, with sidecar injection
  (kubectl create namespace {{ $namespace }}; kubectl label namespace {{ $namespace }} istio-injection=enabled)
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
