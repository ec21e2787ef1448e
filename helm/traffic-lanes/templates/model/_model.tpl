{{/*
The model: the values, completed and checked once. Every template includes this one first. It sets .Model, and it sets
.Values to the values of "traffic-lanes.values". Both stay set, since Helm gives all templates the same root.


  name, provider, permissive, header, baseline, label, retryOn
  mesh         the provider's facts, see providers/_provider.tpl
  lanes        [{name, weight, baseline}], in order of name: all, or `only`
  only         the lane that this release adds to a base's; empty: the release is a base
  namespace    the release's
  namespaces   {service: namespace}
  services     [{name, namespace, host, gatewayPort, versions, own, lanes, upstreams, callers, entry, pods, …}], in
               the order in which a request meets them, with the keys of "traffic-lanes.podKeys". versions: all
               versions, by name; own: those of this release; lanes: those with a rule at the service
  pods         [{name, version, …}]: one for each of `own`, with the keys of the service and of the version
  entries      {name: service}: the entry services
  virtualHosts [{name, host, hosts, entries: [{service, path, route}]}]: hosts of the gateway and the entry services
               there, the most specific path first. name: name of the VirtualService; route: name of the entry's
               HTTPRoute; host: the host in gateway.services, empty for entry services without one
  gatewayPods  [{namespace, labels, service, port}]: namespace and labels of the gateway's pods, their Service and its
               port

Usage: {{ include "traffic-lanes.model" . }}{{ $model := .Model }}
*/}}
{{- define "traffic-lanes.model" -}}
{{- if not (hasKey . "Model") -}}
{{- $_ := set . "Values" (include "traffic-lanes.values" . | fromJson) -}}
{{- $_ := set . "Model" (include "traffic-lanes.makeModel" . | fromJson) -}}
{{- with include "traffic-lanes.problems" . | fromJsonArray -}}
{{- fail (printf "\n\nthese values do not fit together:\n- %s\n" (join "\n- " .)) -}}
{{- /* `helm lint` continues after fail. It renders only refused.yaml, which makes it fail too. */ -}}
{{- $_ := set $.Model "refused" (join " " .) -}}
{{- $off := dict "enabled" false -}}
{{- $_ := set $.Values "workloads" $off -}}
{{- $_ := set $.Values "routing" $off -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The model as JSON, before the checks.
Usage: {{ include "traffic-lanes.makeModel" . | fromJson }}
*/}}
{{- define "traffic-lanes.makeModel" -}}
{{- $values := .Values -}}
{{- $lanes := $values.lanes -}}
{{- $named := list -}}
{{- range $name, $weight := ternary (dict $lanes.only 0) $lanes.weights (not (empty $lanes.only)) -}}
{{- $named = append $named (dict "name" $name "weight" $weight "baseline" (eq $name $lanes.baseline)) -}}
{{- end -}}
{{- $services := include "traffic-lanes.services" . | fromJsonArray -}}
{{- $entries := dict -}}
{{- $namespaces := dict -}}
{{- range $service := $services -}}
{{- $_ := set $namespaces .name .namespace -}}
{{- if .entry }}{{ $_ := set $entries .name $service }}{{ end -}}
{{- end -}}
{{- $name := include "traffic-lanes.name" . -}}
{{- dict
      "name" $name
      "namespace" .Release.Namespace
      "provider" $values.mesh.provider
      "mesh" (include (printf "traffic-lanes.%s.facts" $values.mesh.provider) . | fromYaml)
      "permissive" (eq $lanes.mode "permissive")
      "only" $lanes.only
      "header" $lanes.header
      "baseline" $lanes.baseline
      "lanes" $named
      "label" $lanes.label
      "retryOn" (join "," $lanes.retryOn)
      "gatewayPods" (include "traffic-lanes.gatewayPods" . | fromJsonArray)
      "services" $services
      "entries" $entries
      "namespaces" $namespaces
      "virtualHosts" (include "traffic-lanes.virtualHosts" (dict "name" $name "values" $values) | fromJsonArray)
      | toJson -}}
{{- end -}}

{{/*
Errors in the values that the schema cannot find, as a JSON list of sentences. Each check is a template
"traffic-lanes.checks.NAME". It prints a sentence for each mistake. A sentence begins with "- " and may have several
lines.
Usage: {{ include "traffic-lanes.problems" . | fromJsonArray }}
*/}}
{{- define "traffic-lanes.problems" -}}
{{- $checks := list "names" "headers" "label" "weights" "entryRules" "versions" "ownLabels" "pods"
      "accounts" "upstreams" "retries" "entries" "instrumentation" "gateway" "laneRelease" "test" "cluster"
      "upgrade" -}}
{{- $text := include (printf "traffic-lanes.%s.checks" .Values.mesh.provider) . -}}
{{- range $checks }}{{ $text = printf "%s\n%s" (include (printf "traffic-lanes.checks.%s" .) $) $text }}{{ end -}}
{{- $wrong := list -}}
{{- range regexSplit `(^|\n)- ` $text -1 | uniq -}}
{{- with regexReplaceAll `\s*\n\s*` . " " | trim }}{{ $wrong = append $wrong . }}{{ end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}
