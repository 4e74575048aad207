// SPDX-License-Identifier: Apache-2.0

// Command load-webhook asks a webhook as API servers do: each connection stands, and sends one
// review after the other.  Prints what it took as a line of JSON.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"sync"
	"time"
)

type result struct {
	Reviews int     `json:"reviews"`
	Failed  int     `json:"failed"`
	Seconds float64 `json:"seconds"`
	Median  float64 `json:"median_seconds"`
	P99     float64 `json:"p99_seconds"`
}

type client struct {
	connection *tls.Conn
	reader     *bufio.Reader
	request    []byte
	took       []time.Duration
	failed     int
}

func (c *client) ask(want []byte) error {
	if _, err := c.connection.Write(c.request); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !bytes.Contains(body, want) {
		return fmt.Errorf("%s: %.300s", response.Status, body)
	}
	return nil
}

func (c *client) run(reviews int, want []byte) {
	for i := 0; i < reviews; i++ {
		began := time.Now()
		if err := c.ask(want); err != nil {
			log.Print(err)
			c.failed += reviews - i
			return
		}
		c.took = append(c.took, time.Since(began))
	}
}

func connect(address, authority string, request []byte) *client {
	pem, err := os.ReadFile(authority)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	if err != nil {
		log.Fatal(err)
	}
	return &client{connection: connection, reader: bufio.NewReader(connection), request: request}
}

func main() {
	address := flag.String("address", "", "of the webhook")
	authority := flag.String("authority", "", "PEM that it is checked against")
	path := flag.String("path", "/mutate", "what is asked")
	body := flag.String("body", "", "file with the review")
	want := flag.String("want", "", "what an answer must hold")
	connections := flag.Int("connections", 100, "at a time")
	reviews := flag.Int("reviews", 1000, "of each connection")
	flag.Parse()
	review, err := os.ReadFile(*body)
	if err != nil {
		log.Fatal(err)
	}
	head := fmt.Sprintf("POST %s?timeout=5s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Accept: application/json, */*\r\nContent-Length: %d\r\n\r\n", *path, *address, len(review))
	request := append([]byte(head), review...)
	clients := make([]*client, *connections)
	for i := range clients {
		clients[i] = connect(*address, *authority, request)
	}
	var all sync.WaitGroup
	began := time.Now()
	for _, c := range clients {
		all.Add(1)
		go func() {
			defer all.Done()
			c.run(*reviews, []byte(*want))
		}()
	}
	all.Wait()
	report(clients, time.Since(began))
}

func report(clients []*client, elapsed time.Duration) {
	r := result{Seconds: elapsed.Seconds()}
	var took []time.Duration
	for _, c := range clients {
		took = append(took, c.took...)
		r.Failed += c.failed
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	r.Reviews = len(took)
	if len(took) > 0 {
		r.Median = took[len(took)/2].Seconds()
		r.P99 = took[len(took)*99/100].Seconds()
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		log.Fatal(err)
	}
}
