// SPDX-License-Identifier: Apache-2.0

// Command reader is one xDS client on go-control-plane's types and grpc-go.  It subscribes to the
// names it is given, ACKs what it is sent, and prints a line of JSON for each response until it is
// terminated.  What Envoy's own rules for these messages (protoc-gen-validate) or their descriptors do
// not allow is in the line.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"syscall"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/wasm/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	extension "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

const typeURL = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"

// line is what is printed of a response.
type line struct {
	Type         string     `json:"type_url"`
	Version      string     `json:"version"`
	Nonce        string     `json:"nonce"`
	ControlPlane string     `json:"control_plane"`
	Resources    []resource `json:"resources"`
	Removed      []string   `json:"removed"`
	Problems     []string   `json:"problems"`
}

type resource struct {
	Name    string          `json:"name"`
	Version string          `json:"version"`
	Config  json.RawMessage `json:"config"`
}

// validator is what protoc-gen-validate makes of a message.
type validator interface{ ValidateAll() error }

func (l *line) blame(m proto.Message) {
	if v, ok := m.(validator); ok {
		if err := v.ValidateAll(); err != nil {
			l.Problems = append(l.Problems, err.Error())
		}
	}
	l.blameUnknown(m.ProtoReflect())
}

// blameUnknown looks for fields that the descriptors do not have.
func (l *line) blameUnknown(m protoreflect.Message) {
	if n := len(m.GetUnknown()); n > 0 {
		l.Problems = append(l.Problems,
			fmt.Sprintf("%s: %d bytes of unknown fields", m.Descriptor().FullName(), n))
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsMap():
			if field.MapValue().Message() == nil {
				break
			}
			value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				l.blameUnknown(v.Message())
				return true
			})
		case field.IsList():
			for i := 0; i < value.List().Len(); i++ {
				l.blameUnknown(value.List().Get(i).Message())
			}
		default:
			l.blameUnknown(value.Message())
		}
		return true
	})
}

// unpack reads what an Any holds, and what the Anys in that hold.
func (l *line) unpack(packed *anypb.Any) proto.Message {
	m, err := packed.UnmarshalNew()
	if err != nil {
		l.Problems = append(l.Problems, err.Error())
		return nil
	}
	l.blame(m)
	m.ProtoReflect().Range(func(_ protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		l.visit(value)
		return true
	})
	return m
}

func (l *line) visit(value protoreflect.Value) {
	m, ok := value.Interface().(protoreflect.Message)
	if !ok {
		return
	}
	if packed, ok := m.Interface().(*anypb.Any); ok {
		l.unpack(packed)
		return
	}
	m.Range(func(_ protoreflect.FieldDescriptor, inner protoreflect.Value) bool {
		l.visit(inner)
		return true
	})
}

func (l *line) add(version string, packed *anypb.Any) {
	r := resource{Version: version}
	if packed.GetTypeUrl() != typeURL {
		l.Problems = append(l.Problems, "a resource of type "+packed.GetTypeUrl())
	}
	if config, ok := l.unpack(packed).(*core.TypedExtensionConfig); ok {
		r.Name = config.GetName()
		text, err := protojson.Marshal(config)
		if err != nil {
			log.Fatal(err)
		}
		r.Config = text
	}
	l.Resources = append(l.Resources, r)
}

func (l *line) print() {
	if err := json.NewEncoder(os.Stdout).Encode(l); err != nil {
		log.Fatal(err)
	}
}

func printSotw(r *discovery.DiscoveryResponse) {
	l := &line{Type: r.GetTypeUrl(), Version: r.GetVersionInfo(), Nonce: r.GetNonce(),
		ControlPlane: r.GetControlPlane().GetIdentifier()}
	l.blame(r)
	for _, packed := range r.GetResources() {
		l.add("", packed)
	}
	l.print()
}

func printDelta(r *discovery.DeltaDiscoveryResponse) {
	l := &line{Type: r.GetTypeUrl(), Version: r.GetSystemVersionInfo(), Nonce: r.GetNonce(),
		ControlPlane: r.GetControlPlane().GetIdentifier(), Removed: r.GetRemovedResources()}
	l.blame(r)
	for _, one := range r.GetResources() {
		l.add(one.GetVersion(), one.GetResource())
		if got := l.Resources[len(l.Resources)-1].Name; got != one.GetName() {
			l.Problems = append(l.Problems, fmt.Sprintf("%q in a resource %q", got, one.GetName()))
		}
	}
	l.print()
}

type sotwStream interface {
	Send(*discovery.DiscoveryRequest) error
	Recv() (*discovery.DiscoveryResponse, error)
}

type deltaStream interface {
	Send(*discovery.DeltaDiscoveryRequest) error
	Recv() (*discovery.DeltaDiscoveryResponse, error)
}

var node = &core.Node{Id: "go-reader", Cluster: "e2e"}

func sotw(stream sotwStream, err error, names []string) error {
	request := &discovery.DiscoveryRequest{Node: node, TypeUrl: typeURL, ResourceNames: names}
	for err == nil {
		var response *discovery.DiscoveryResponse
		if err = stream.Send(request); err != nil {
			break
		}
		if response, err = stream.Recv(); err == nil {
			printSotw(response)
			request.VersionInfo = response.GetVersionInfo()
			request.ResponseNonce = response.GetNonce()
		}
	}
	return err
}

func delta(stream deltaStream, err error, names []string) error {
	request := &discovery.DeltaDiscoveryRequest{
		Node: node, TypeUrl: typeURL, ResourceNamesSubscribe: names}
	for err == nil {
		var response *discovery.DeltaDiscoveryResponse
		if err = stream.Send(request); err != nil {
			break
		}
		if response, err = stream.Recv(); err == nil {
			printDelta(response)
			request = &discovery.DeltaDiscoveryRequest{
				TypeUrl: typeURL, ResponseNonce: response.GetNonce()}
		}
	}
	return err
}

func fetch(ctx context.Context, client extension.ExtensionConfigDiscoveryServiceClient,
	names []string) error {
	response, err := client.FetchExtensionConfigs(ctx,
		&discovery.DiscoveryRequest{Node: node, TypeUrl: typeURL, ResourceNames: names})
	if err == nil {
		printSotw(response)
	}
	return err
}

func read(ctx context.Context, connection grpc.ClientConnInterface, method string,
	names []string) error {
	ecds := extension.NewExtensionConfigDiscoveryServiceClient(connection)
	ads := discovery.NewAggregatedDiscoveryServiceClient(connection)
	switch method {
	case "sotw":
		stream, err := ecds.StreamExtensionConfigs(ctx)
		return sotw(stream, err, names)
	case "delta":
		stream, err := ecds.DeltaExtensionConfigs(ctx)
		return delta(stream, err, names)
	case "ads":
		stream, err := ads.StreamAggregatedResources(ctx)
		return sotw(stream, err, names)
	case "ads-delta":
		stream, err := ads.DeltaAggregatedResources(ctx)
		return delta(stream, err, names)
	case "fetch":
		return fetch(ctx, ecds, names)
	}
	return fmt.Errorf("no method %q", method)
}

func secure(ca string) credentials.TransportCredentials {
	if ca == "" {
		return insecure.NewCredentials()
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		log.Fatalf("%s: no certificate", ca)
	}
	return credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
}

func main() {
	log.SetFlags(0)
	method := flag.String("method", "sotw", "sotw, delta, ads, ads-delta or fetch")
	ca := flag.String("tls-ca", "", "PEM `file`; none: plain text")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: reader [FLAGS] ADDRESS NAME...\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() < 2 {
		flag.Usage()
		os.Exit(2)
	}
	connection, err := grpc.NewClient(flag.Arg(0), grpc.WithTransportCredentials(secure(*ca)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := read(ctx, connection, *method, flag.Args()[1:]); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
