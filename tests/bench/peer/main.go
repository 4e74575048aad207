// SPDX-License-Identifier: Apache-2.0

// Command peer is the control plane that wasmxds is measured beside: go-control-plane's xDS server
// over a LinearCache of ECDS resources, with nothing tuned.
//
// It serves bench/ext-00000 and so on, each with its module inline, and prints one line when it
// does.  SIGHUP gives the first extension another configuration.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpwasm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasm "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	extension "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type options struct {
	listen, modules, cert, key string
	extensions, distinct       int
}

func parse() options {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address`")
	flag.StringVar(&o.modules, "modules", "", "`folder` of 00000.wasm and so on")
	flag.IntVar(&o.extensions, "extensions", 1, "how many there are")
	flag.IntVar(&o.distinct, "distinct", 1, "how many modules they have among them")
	flag.StringVar(&o.cert, "tls-cert", "", "PEM `file`; none: plain text")
	flag.StringVar(&o.key, "tls-key", "", "PEM `file`")
	flag.Parse()
	return o
}

func name(i int) string { return fmt.Sprintf("bench/ext-%05d", i) }

func pack(m proto.Message) *anypb.Any {
	packed, err := anypb.New(m)
	if err != nil {
		log.Fatal(err)
	}
	return packed
}

// filter is what wasmxds makes of the same extension.
func filter(i int, module []byte, configuration string) *core.TypedExtensionConfig {
	source := &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: module}}
	code := &core.AsyncDataSource{Specifier: &core.AsyncDataSource_Local{Local: source}}
	vm := &wasm.VmConfig{VmId: name(i), Runtime: "envoy.wasm.runtime.v8", Code: code}
	return &core.TypedExtensionConfig{
		Name: name(i),
		TypedConfig: pack(&httpwasm.Wasm{Config: &wasm.PluginConfig{
			Name:          name(i),
			Vm:            &wasm.PluginConfig_VmConfig{VmConfig: vm},
			Configuration: pack(wrapperspb.String(configuration)),
		}}),
	}
}

func (o options) module(i int) []byte {
	path := filepath.Join(o.modules, fmt.Sprintf("%05d.wasm", i%o.distinct))
	bytes, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return bytes
}

func (o options) resources() map[string]types.Resource {
	all := make(map[string]types.Resource, o.extensions)
	for i := range o.extensions {
		all[name(i)] = filter(i, o.module(i), "value 0")
	}
	return all
}

func (o options) credentials() []grpc.ServerOption {
	if o.cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		log.Fatal(err)
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewServerTLSFromCert(&pair))}
}

func updateOnSignal(o options, served *cache.LinearCache) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	for n := 1; ; n++ {
		<-signals
		changed := filter(0, o.module(0), fmt.Sprintf("value %d", n))
		if err := served.UpdateResource(name(0), changed); err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	o := parse()
	served := cache.NewLinearCache(resource.ExtensionConfigType,
		cache.WithInitialResources(o.resources()))
	go updateOnSignal(o, served)
	xds := grpc.NewServer(o.credentials()...)
	extension.RegisterExtensionConfigDiscoveryServiceServer(
		xds, server.NewServer(context.Background(), served, nil))
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("serving")
	log.Fatal(xds.Serve(listener))
}
