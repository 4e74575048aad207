// SPDX-License-Identifier: Apache-2.0

// Command load is a fleet of xDS clients, which shares no code with any server.  It obeys lines on
// stdin, and answers each with a line of JSON when it is done:
//
//	connect        every client connects; until the server has greeted each
//	sync           all subscribe at once; until each has every extension
//	next           until each client was sent one extension more
//	drop           every connection is closed
//	reconnect N    every client connects with what it holds; until nothing came for N seconds
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

type fleet struct {
	address  string
	names    []string
	delta    bool
	tls      *tls.Config
	clients  []*client
	arrivals chan arrival

	connected  sync.WaitGroup
	subscribe  chan struct{} // closed when the clients that are connected may go on
	subscribed sync.WaitGroup
}

// arrival is a response that a client has read to its end.
type arrival struct {
	client    *client
	resources int
	bytes     int
	at        int64 // CLOCK_MONOTONIC, which other processes can read too
}

// result is what a command answers with.
type result struct {
	Seconds   float64 `json:"seconds"`
	Bytes     int     `json:"bytes"`
	Resources int     `json:"resources"`
	Last      int64   `json:"last_ns"` // when the last response was there; 0: none came
}

func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		log.Fatal(err)
	}
	return t.Nano()
}

// client is one proxy: a connection, and what it holds across connections.
type client struct {
	fleet   *fleet
	node    string
	conn    *conn
	version string            // SotW: the last that it was sent
	held    map[string]string // by name
	closed  chan struct{}     // by its goroutine, once it has ended
}

// run connects, subscribes when all do, and acknowledges whatever comes.
func (c *client) run(f *fleet) (err error) {
	if c.conn, err = open(f.address, f.tls); err != nil {
		return err
	}
	f.connected.Done()
	<-f.subscribe
	err = c.subscribe()
	f.subscribed.Done()
	f.subscribed.Wait() // as many machines would: all have asked before the first reads
	for err == nil {
		err = c.receive()
	}
	if c.conn.dropped.Load() {
		return nil
	}
	return err
}

func (c *client) request(r request) error {
	r.node = c.node
	if c.fleet.delta {
		return c.conn.send(r.delta())
	}
	return c.conn.send(r.sotw())
}

func (c *client) subscribe() error {
	method := sotwMethod
	if c.fleet.delta {
		method = deltaMethod
	}
	if err := c.conn.call(method); err != nil {
		return err
	}
	return c.request(request{names: c.fleet.names, version: c.version, held: c.held})
}

func (c *client) acknowledge(nonce string) error {
	if c.fleet.delta {
		return c.request(request{nonce: nonce})
	}
	return c.request(request{names: c.fleet.names, version: c.version, nonce: nonce})
}

func (c *client) receive() error {
	read := c.conn.receiveSotw
	if c.fleet.delta {
		read = c.conn.receiveDelta
	}
	r, err := read()
	if err != nil {
		return err
	}
	at := now()
	c.version = r.version
	for _, resource := range r.resources {
		c.held[resource.name] = resource.version
	}
	c.fleet.arrivals <- arrival{c, len(r.resources), r.bytes, at}
	return c.acknowledge(r.nonce)
}

// connect starts every client and returns when all are connected.
func (f *fleet) connect() {
	f.connected.Add(len(f.clients))
	f.subscribed.Add(len(f.clients))
	f.subscribe = make(chan struct{})
	for _, c := range f.clients {
		c.closed = make(chan struct{})
		go func() {
			defer close(c.closed)
			if err := c.run(f); err != nil {
				log.Fatalf("%s: %v", c.node, err)
			}
		}()
	}
	f.connected.Wait()
}

func (f *fleet) drop() {
	for _, c := range f.clients {
		c.conn.drop()
		<-c.closed
	}
}

// await adds up what arrives until each client was sent this many resources.
func (f *fleet) await(each int) (r result) {
	missing := len(f.clients)
	got := make(map[*client]int, missing)
	for missing > 0 {
		a := <-f.arrivals
		r.add(a)
		before := got[a.client]
		got[a.client] += a.resources
		if before < each && got[a.client] >= each {
			missing--
		}
	}
	return r
}

// awaitSilence adds up what arrives until nothing did for so long.
func (f *fleet) awaitSilence(patience time.Duration) (r result) {
	for {
		select {
		case a := <-f.arrivals:
			r.add(a)
		case <-time.After(patience):
			return r
		}
	}
}

func (r *result) add(a arrival) {
	r.Bytes += a.bytes
	r.Resources += a.resources
	r.Last = max(r.Last, a.at)
}

// obey carries out one line.
func (f *fleet) obey(line string) (r result, err error) {
	begin := now()
	switch command, argument, _ := strings.Cut(line, " "); command {
	case "connect":
		f.connect()
	case "sync":
		close(f.subscribe)
		r = f.await(len(f.names))
	case "next":
		r = f.await(1)
	case "drop":
		f.drop()
	case "reconnect":
		var patience time.Duration
		if patience, err = time.ParseDuration(argument + "s"); err == nil {
			f.connect()
			close(f.subscribe)
			r = f.awaitSilence(patience)
		}
	default:
		err = fmt.Errorf("unknown command %q", line)
	}
	if r.Last > 0 {
		r.Seconds = float64(r.Last-begin) / 1e9
	}
	return r, err
}

func trust(file string) *tls.Config {
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		log.Fatalf("%s: no certificate: %v", file, err)
	}
	return &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"h2"}}
}

func parse() *fleet {
	f := &fleet{arrivals: make(chan arrival, 4096)}
	flag.StringVar(&f.address, "address", "", "`address` of the server")
	clients := flag.Int("clients", 1, "how many, each with a connection of its own")
	names := flag.Int("names", 1, "extensions that each subscribes to")
	flag.BoolVar(&f.delta, "delta", false, "Delta in place of SotW")
	ca := flag.String("tls-ca", "", "PEM `file`; none: plain text")
	flag.Parse()
	f.tls = trust(*ca)
	for i := range *names {
		f.names = append(f.names, fmt.Sprintf("bench/ext-%05d", i))
	}
	for i := range *clients {
		f.clients = append(f.clients, &client{
			fleet: f, node: fmt.Sprintf("node-%04d", i), held: make(map[string]string)})
	}
	return f
}

func main() {
	f := parse()
	out := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		r, err := f.obey(lines.Text())
		if err == nil {
			err = out.Encode(r)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
