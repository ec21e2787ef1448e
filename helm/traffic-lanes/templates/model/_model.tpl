{{/*
The model: what the values say, completed and checked once. Every template begins by asking for it,
and finds it in .Values.model:

  name, provider, permissive, header, baseline, label, retryOn
  mesh       the provider's facts, as providers/_provider.tpl has them
  lanes      [{name, weight, baseline}], in order of name: all, or `only`
  only       the lane that this release adds to a base's; empty: the release is a base, and whole
  namespace  the release's
  namespaces {service: the namespace that it is in}
  services   [{name, namespace, host, gatewayPort, versions, own, lanes, upstreams, callers, entry, pods, …}], in
             the order in which a request meets them; with the chart's layers below the service's
             own keys ("traffic-lanes.layered"). versions: those that it has, by name; own: those
             that this release brings; lanes: those that it has a rule for
  pods       [{name, version, …}]: what the pods of one version get: the service's keys, and on top
             those of the version
  entries    {name: service}: those that the gateway calls
  virtualHosts [{name, host, hosts, entries: [{service, path, route}]}]: what it calls at which hosts, the most
             specific path first. name: its VirtualService's; route: the entry's HTTPRoute's; host: the one
             that its entries name; empty: it takes the others
  doors      [{namespace, labels, service, port}]: where the gateway's pods run, their labels, the
             Service in front of them and its port
*/}}
{{- define "traffic-lanes.model" -}}
{{- /* Made for the first template that asks, and kept where the others find it. */ -}}
{{- if not (hasKey .Values "model") -}}
{{- if not (or .Release.IsInstall .Release.IsUpgrade) }}{{ include "traffic-lanes.linted" .Values }}{{ end -}}
{{- include "traffic-lanes.withoutNulls" .Values -}}
{{- include "traffic-lanes.made" . -}}
{{- include "traffic-lanes.checked" . -}}
{{- end -}}
{{- end -}}

{{/* Makes the model, from the root, of values that may not fit together. */}}
{{- define "traffic-lanes.made" -}}
{{- $values := .Values -}}
{{- $lanes := $values.lanes -}}
{{- $only := $lanes.only -}}
{{- if and $only (not (hasKey $lanes.weights $only)) }}{{ $_ := set $lanes.weights $only 0 }}{{ end -}}
{{- $named := list -}}
{{- range $name, $weight := ternary (dict $only 0) $lanes.weights (not (empty $only)) -}}
{{- $named = append $named (dict "name" $name "weight" $weight "baseline" (eq $name $lanes.baseline)) -}}
{{- end -}}
{{- $model := dict
      "name" (include "traffic-lanes.name" .)
      "namespace" .Release.Namespace
      "provider" $values.mesh.provider
      "mesh" (include (printf "traffic-lanes.%s.facts" $values.mesh.provider) . | fromYaml)
      "permissive" (eq $lanes.mode "permissive")
      "only" $only
      "header" $lanes.header
      "baseline" $lanes.baseline
      "lanes" $named
      "label" $lanes.label
      "retryOn" (join "," $lanes.retryOn)
      "doors" (include "traffic-lanes.doors" . | fromJsonArray) -}}
{{- $_ := set $values "model" $model -}}
{{- include "traffic-lanes.services" . -}}
{{- $_ := set $model "virtualHosts" (include "traffic-lanes.virtualHosts" $values | fromJsonArray) -}}
{{- end -}}

{{/* Fails where values don't fit together, or what a schema can't say of them is wrong: each check is a
template "traffic-lanes.checks.…" beside what it checks, and gives a sentence for each mistake, which
begins with "- " and may go on over several lines. All mistakes are told at once. */}}
{{- define "traffic-lanes.checked" -}}
{{- $checks := list "names" "headers" "label" "weights" "ways" "versions" "pods" "accounts" "upstreams" "retries"
      "entries" "instrumentation" "gateway" "only" "test" "cluster" "upgrade" -}}
{{- $text := include (printf "traffic-lanes.%s.checks" .Values.mesh.provider) . -}}
{{- range $checks }}{{ $text = printf "%s\n%s" (include (printf "traffic-lanes.checks.%s" .) $) $text }}{{ end -}}
{{- $wrong := list -}}
{{- range regexSplit `(^|\n)- ` $text -1 | uniq -}}
{{- with regexReplaceAll `\s*\n\s*` . " " | trim }}{{ $wrong = append $wrong . }}{{ end -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n\nthese values don't fit together:\n- %s\n" (join "\n- " $wrong)) -}}
{{- /* helm lint goes on from here: refused.yaml fails it, and nothing else is rendered. */ -}}
{{- $_ := set .Values.model "refused" (join "; " $wrong) -}}
{{- $_ := set .Values "workloads" (dict "enabled" false) -}}
{{- $_ := set .Values "routing" (dict "enabled" false) -}}
{{- end -}}
{{- end -}}

{{/* Takes away, from the values, the sample's lanes and services that others stand in for. helm lint merges
the chart's values twice, and so brings back what null has taken away. */}}
{{- define "traffic-lanes.linted" -}}
{{- $lanes := .lanes -}}
{{- $sample := dict "v1" 40 "v2" 30 "v3" 30 -}}
{{- range $back := list "v1" "v2" "v3" "v1 v2" "v1 v3" "v2 v3" "v1 v2 v3" -}}
{{- $rest := deepCopy $lanes.weights -}}
{{- range splitList " " $back -}}
{{- if eq (get $rest . | int) (get $sample .) }}{{ $_ := unset $rest . }}{{ end -}}
{{- end -}}
{{- $whole := eq (include "traffic-lanes.sum" $lanes.weights) "100" -}}
{{- if and (not $whole) (hasKey $rest $lanes.baseline) (eq (include "traffic-lanes.sum" $rest) "100") -}}
{{- range splitList " " $back }}{{ if not (hasKey $rest .) }}{{ $_ := set $lanes.weights . nil }}{{ end }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $services := .services -}}
{{- $others := omit $services "mocka" "mockb" "mockc" -}}
{{- $called := list -}}
{{- range pick $services "mocka" "mockb" "mockc" }}{{ $called = concat $called (.upstreams | default list) }}{{ end -}}
{{- $needed := keys (.gateway.services | default dict) -}}
{{- if not (or $needed (include "traffic-lanes.others" (dict "of" $others "than" $called) | fromJsonArray)) -}}
{{- $needed = list "mocka" -}}
{{- end -}}
{{- range $others }}{{ $needed = concat $needed (.upstreams | default list) }}{{ end -}}
{{- range list "mocka" "mockb" "mockc" -}}
{{- if has . $needed -}}
{{- $needed = concat $needed (dig . "upstreams" list $services | default list) -}}
{{- else -}}
{{- $_ := set $services . nil -}}
{{- end -}}
{{- end -}}
{{- end -}}
