{{/*
Provider asm: a header names the lane. ASMHeaderPropagation copies the header to baggage and back at each hop. Each
rule has the baseline as its `fallback`.
*/}}
{{- define "traffic-lanes.asm.facts" -}}
title: Alibaba Cloud Service Mesh
api: istio.alibabacloud.com/v1beta1
networking: networking.istio.io/v1beta1
security: security.istio.io/v1beta1
routeKind: VirtualService
gatewayHeader: {{ toYaml .Values.lanes.header }}
fallsBack: {{ eq .Values.lanes.mode "permissive" }}
podLabels: [ASM_TRAFFIC_TAG]
membership: false
headerPropagation: istio.alibabacloud.com/v1beta1
laneReleases: false
needs:
  - api: istio.alibabacloud.com/v1beta1
    say: >-
      mesh.provider asm: this API server has no ASM (%s). On upstream Istio, set mesh.provider=istio. On ASM, set
      routing.enabled=false for the cluster, and install the routing to the mesh's own API server.
{{- end -}}

{{- define "traffic-lanes.asm.podLabels" -}}
ASM_TRAFFIC_TAG: {{ toYaml .version }}
{{- end -}}

{{- define "traffic-lanes.asm.laneHeaders" -}}
set:
  {{ toYaml .model.header }}: {{ toYaml .lane }}
{{- end -}}

{{- define "traffic-lanes.asm.commonHeaders" -}}
remove:
  - baggage
{{- end -}}

{{- define "traffic-lanes.asm.match" -}}
{{ toYaml .model.header }}:
  exact: {{ toYaml .lane }}
{{- end -}}

{{- define "traffic-lanes.asm.subset" -}}
{{- if or (has .lane .service.versions) (not .model.permissive) -}}
{{ include "traffic-lanes.versionLabels" . }}
{{- end -}}
{{- end -}}

{{- define "traffic-lanes.asm.fallback" -}}
{{- if and .model.permissive (ne .subset .model.baseline) -}}
fallback:
  target:
    {{- include "traffic-lanes.destination" (dict "host" .host "port" .port "subset" .model.baseline) | nindent 4 }}
{{- end -}}
{{- end -}}

{{- define "traffic-lanes.asm.retries" }}{{ end -}}

{{- define "traffic-lanes.asm.checks" -}}
{{- if .Values.gateway.parentRefs }}
- gateway.parentRefs: HTTPRoutes have no field for ASM's fallback. Remove it, or set mesh.provider to istio or
  gateway-api.
{{- end }}
{{- end -}}
