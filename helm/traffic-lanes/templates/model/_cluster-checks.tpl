{{/*
The cluster has the APIs of what is rendered. `helm template` knows those of its own Kubernetes only;
a cluster offers aggregation besides.
Usage: {{ include "traffic-lanes.checks.cluster" . }}
*/}}
{{- define "traffic-lanes.checks.cluster" -}}
{{- $values := .Values -}}
{{- if semverCompare "<3.18.0-0" .Capabilities.HelmVersion.Version }}
- Helm {{ .Capabilities.HelmVersion.Version }} accepts misspelled keys of a service. Use Helm 3.18 or later.
{{- end }}
{{- $needs := ternary $.Model.mesh.needs list $values.routing.enabled -}}
{{- if and $values.routing.enabled $values.gateway.parentRefs -}}
{{- $needs = append $needs (dict "api" "gateway.networking.k8s.io/v1"
      "say" "gateway.parentRefs: the cluster has no Kubernetes Gateway API (%s). Install its CRDs first.") -}}
{{- end -}}
{{- if and $values.workloads.enabled (eq $values.instrumentation.mode "operator") -}}
{{- $needs = append $needs (dict "api" "opentelemetry.io/v1alpha1"
      "say" (print "instrumentation.mode operator: the cluster has no OpenTelemetry Operator (%s). Install it "
      "first, or set instrumentation.mode=image.")) -}}
{{- end -}}
{{- if and $values.workloads.enabled $values.serviceMonitor.enabled -}}
{{- $needs = append $needs (dict "api" "monitoring.coreos.com/v1"
      "say" "serviceMonitor: the cluster has no Prometheus Operator (%s). Install it first, or set enabled: false.") -}}
{{- end -}}
{{- if .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1" }}
{{- $others := list -}}
{{- range without (include "traffic-lanes.providers" . | fromJsonArray) $.Model.provider -}}
{{- $facts := include (printf "traffic-lanes.%s.facts" .) $ | fromYaml -}}
{{- if $.Capabilities.APIVersions.Has $facts.api -}}
{{- $others = append $others (printf "mesh.provider=%s" .) -}}
{{- end -}}
{{- end -}}
{{- range $needs }}
{{- if not ($.Capabilities.APIVersions.Has .api) }}
- {{ printf .say (printf "no %s" .api) }}
{{- if eq .api $.Model.mesh.api }}{{ with $others }} The cluster has the APIs of {{ join " or " . }}.{{ end }}{{ end }}
{{- end }}
{{- end }}
{{- range $namespace := without (values $.Model.namespaces | uniq | sortAlpha) .Release.Namespace }}
{{- if not (lookup "v1" "Namespace" "" $namespace) }}
- services: the namespace {{ $namespace }} does not exist. Create it first, with sidecar injection
  (kubectl create namespace {{ $namespace }}; kubectl label namespace {{ $namespace }} istio-injection=enabled).
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
