{{/* Provider asm: a header names the lane, ASMHeaderPropagation carries it in baggage from hop to hop,
and each rule has the baseline as its `fallback`. */}}
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
      mesh.provider asm: there is no ASM here (%s): on upstream Istio set mesh.provider=istio; on ASM
      this half goes to the mesh's own API server, and the cluster gets the rest by routing.enabled=false
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
- gateway.parentRefs: HTTPRoutes need mesh.provider istio or gateway-api, for ASM's fallback has no
  place in them
{{- end }}
{{- end -}}
