// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	service     = "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/"
	sotwMethod  = service + "StreamExtensionConfigs"
	deltaMethod = service + "DeltaExtensionConfigs"
	typeURL     = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
	maxText     = 4096 // of what is kept of a response
)

type resource struct{ name, version string }

// response is what a client must know of a response; the rest was passed over.
type response struct {
	version, nonce string
	resources      []resource
	bytes          int
}

// request is a discovery request of either variant: names and versions in the first of a stream,
// and a nonce in those that acknowledge.
type request struct {
	node, version, nonce string
	names                []string
	held                 map[string]string
}

func text(b []byte, field protowire.Number, value string) []byte {
	if value == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), value)
}

func (r *request) sotw() []byte {
	b := text(nil, 1, r.version)
	b = text(b, 2, string(text(nil, 1, r.node)))
	for _, name := range r.names {
		b = text(b, 3, name)
	}
	return text(text(b, 4, typeURL), 5, r.nonce)
}

func (r *request) delta() []byte {
	b := text(nil, 1, string(text(nil, 1, r.node)))
	b = text(b, 2, typeURL)
	for _, name := range r.names {
		b = text(b, 3, name)
	}
	for name, version := range r.held {
		b = text(b, 5, string(text(text(nil, 1, name), 2, version)))
	}
	return text(b, 6, r.nonce)
}

// visitor takes a field of n bytes from the connection, all of them.
type visitor func(n int) error

// fields reads a message of n bytes and hands out the fields that visit names; others are passed
// over unread.
func (c *conn) fields(n int, visit map[uint64]visitor) error {
	for n > 0 {
		tag, size, err := c.varint()
		if err != nil {
			return err
		}
		n -= size
		value, size, err := c.varint()
		if err != nil {
			return err
		}
		n -= size
		switch protowire.Type(tag & 7) {
		case protowire.VarintType:
			continue
		case protowire.BytesType:
		default:
			return fmt.Errorf("field %d has a wire type that no field here has", tag>>3)
		}
		if value > uint64(max(n, 0)) {
			return fmt.Errorf("field %d is longer than what it stands in", tag>>3)
		}
		n -= int(value)
		take := visit[tag>>3]
		if take == nil {
			take = c.discard
		}
		if err := take(int(value)); err != nil {
			return err
		}
	}
	if n < 0 {
		return fmt.Errorf("a field is longer than what it stands in")
	}
	return nil
}

func (c *conn) varint() (value uint64, size int, err error) {
	for shift := 0; shift < 64; shift += 7 {
		b, err := c.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		size++
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value, size, nil
		}
	}
	return 0, 0, fmt.Errorf("a varint of more than ten bytes")
}

func (c *conn) text(into *string) visitor {
	return func(n int) error {
		if n > maxText {
			return fmt.Errorf("a text of %d bytes", n)
		}
		b := make([]byte, n)
		_, err := io.ReadFull(c, b)
		*into = string(b)
		return err
	}
}

func (c *conn) inside(visit map[uint64]visitor) visitor {
	return func(n int) error { return c.fields(n, visit) }
}

// message reads the head of the stream's next message, which has n bytes.
func (c *conn) message() (n int, err error) {
	var head [5]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, err
	}
	if head[0] != 0 {
		return 0, fmt.Errorf("a compressed message, which nobody asked for")
	}
	return int(binary.BigEndian.Uint32(head[1:])), nil
}

func (c *conn) receiveSotw() (*response, error) {
	n, err := c.message()
	if err != nil {
		return nil, err
	}
	r := &response{bytes: n}
	visitResource := func(n int) error {
		var one resource
		extension := map[uint64]visitor{1: c.text(&one.name)}
		err := c.fields(n, map[uint64]visitor{2: c.inside(extension)})
		r.resources = append(r.resources, one)
		return err
	}
	return r, c.fields(n, map[uint64]visitor{
		1: c.text(&r.version), 2: visitResource, 5: c.text(&r.nonce)})
}

func (c *conn) receiveDelta() (*response, error) {
	n, err := c.message()
	if err != nil {
		return nil, err
	}
	r := &response{bytes: n}
	visitResource := func(n int) error {
		var one resource
		err := c.fields(n, map[uint64]visitor{1: c.text(&one.version), 3: c.text(&one.name)})
		r.resources = append(r.resources, one)
		return err
	}
	return r, c.fields(n, map[uint64]visitor{2: visitResource, 5: c.text(&r.nonce)})
}
