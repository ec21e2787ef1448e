// A hop in Go: net/http, instrumented by the otelhttp SDK, since Go has no agent.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
)

type hop struct {
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	IP         string            `json:"ip"`
	Lane       *string           `json:"lane"`
	DurationMS float64           `json:"duration_ms"`
	Status     int               `json:"status"`
	Error      *string           `json:"error"`
	Upstreams  []json.RawMessage `json:"upstreams"`
}

var client = http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}

func answer(response http.ResponseWriter, request *http.Request) {
	call, err := http.NewRequestWithContext(request.Context(), "GET", os.Getenv("upstream_url"), nil)
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	call.Header.Set("Accept", "application/json")
	answered, err := client.Do(call)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadGateway)
		return
	}
	defer answered.Body.Close()
	own := hop{Name: os.Getenv("app"), Version: os.Getenv("version"), IP: os.Getenv("POD_IP"), Status: 200}
	own.Upstreams = make([]json.RawMessage, 1)
	if err := json.NewDecoder(answered.Body).Decode(&own.Upstreams[0]); err != nil {
		http.Error(response, err.Error(), http.StatusBadGateway)
		return
	}
	response.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(response).Encode(own)
}

func main() {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{}))
	handler := otelhttp.NewHandler(http.HandlerFunc(answer), "GET /")
	log.Fatal(http.ListenAndServe(os.Getenv("HOST")+":"+os.Getenv("PORT"), handler))
}
