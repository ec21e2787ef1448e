{{/*
The model: what the values say, completed and checked once. Every template begins by asking for it,
and finds it in .Values.model:

  name, provider, permissive, header, baseline, label, retryOn
  mesh         the provider's facts, see providers/_provider.tpl
  lanes        [{name, weight, baseline}], in order of name: all, or `only`
  only         the lane that this release adds to a base's; empty: the release is a base
  namespace    the release's
  namespaces   {service: its namespace}
  services     [{name, namespace, host, gatewayPort, versions, own, lanes, upstreams, callers, entry, pods, …}], in
               the order in which a request meets them, with the keys of "traffic-lanes.podKeys". versions: all
               versions, by name; own: those of this release; lanes: those with a rule at the service
  pods         [{name, version, …}]: one for each of `own`, with the keys of the service and of the version
  entries      {name: service}: those that the gateway calls
  virtualHosts [{name, host, hosts, entries: [{service, path, route}]}]: hosts of the gateway and what it calls
               there, the most specific path first. name: the VirtualService's; route: the HTTPRoute's of an entry;
               host: the host of the entries themselves; empty: it takes the others
  gatewayPods  [{namespace, labels, service, port}]: where the gateway's pods run, their labels, the Service in
               front of them and its port

Usage: {{ include "traffic-lanes.model" . }}{{ $model := .Values.model }}
*/}}
{{- define "traffic-lanes.model" -}}
{{- /* Made for the first template that asks, and kept where the others find it. */ -}}
{{- if not (hasKey .Values "model") -}}
{{- if not (or .Release.IsInstall .Release.IsUpgrade) }}{{ include "traffic-lanes.removeSample" .Values }}{{ end -}}
{{- include "traffic-lanes.removeNulledKeys" .Values -}}
{{- include "traffic-lanes.makeModel" . -}}
{{- include "traffic-lanes.checkValues" . -}}
{{- end -}}
{{- end -}}

{{/*
Makes the model, of values that may not fit together.
Usage: {{ include "traffic-lanes.makeModel" . }}
*/}}
{{- define "traffic-lanes.makeModel" -}}
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
      "gatewayPods" (include "traffic-lanes.gatewayPods" . | fromJsonArray) -}}
{{- $_ := set $values "model" $model -}}
{{- include "traffic-lanes.addServices" . -}}
{{- $_ := set $model "virtualHosts" (include "traffic-lanes.virtualHosts" $values | fromJsonArray) -}}
{{- end -}}

{{/*
Fails where values don't fit together, or break a rule that no schema can state. Each check is a template
"traffic-lanes.checks.…" beside what it checks, and prints a sentence for each mistake, which begins with
"- " and may go on over several lines. One failure names all mistakes.
Usage: {{ include "traffic-lanes.checkValues" . }}
*/}}
{{- define "traffic-lanes.checkValues" -}}
{{- $checks := list "names" "headers" "label" "weights" "entryRules" "versions" "pods" "accounts" "upstreams" "retries"
      "entries" "instrumentation" "gateway" "laneRelease" "test" "cluster" "upgrade" -}}
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

{{/*
Removes from the values the sample's lanes and services that others replace. helm lint merges the chart's
values twice, and so brings back what null has removed.
Usage: {{ include "traffic-lanes.removeSample" .Values }}
*/}}
{{- define "traffic-lanes.removeSample" -}}
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
{{- if not (or $needed (include "traffic-lanes.keysNotIn" (dict "of" $others "than" $called) | fromJsonArray)) -}}
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
