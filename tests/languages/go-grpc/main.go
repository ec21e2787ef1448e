// A service by gRPC in Go: grpc-go, instrumented by otelgrpc. Messages are JSON without a schema.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const service, method = "shop.Shop", "Answer"

type node struct {
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Upstreams []json.RawMessage `json:"upstreams"`
}

// raw is a codec that leaves messages as they are.
type raw struct{}

func (raw) Name() string                        { return "proto" }
func (raw) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (raw) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func main() {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{}))
	stock, err := grpc.NewClient(os.Getenv("STOCK"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()))
	if err != nil {
		log.Fatal(err)
	}
	answer := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var request, behind []byte
		if err := decode(&request); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := stock.Invoke(ctx, "/"+service+"/"+method, &request, &behind); err != nil {
			return nil, err
		}
		own, err := json.Marshal(node{os.Getenv("app"), os.Getenv("version"), []json.RawMessage{behind}})
		return &own, err
	}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.StatsHandler(otelgrpc.NewServerHandler()))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: method, Handler: answer}},
	}, struct{}{})
	listener, err := net.Listen("tcp", os.Getenv("HOST")+":"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Serve(listener))
}
