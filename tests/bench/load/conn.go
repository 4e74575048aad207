// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	maxWindow    = 1<<31 - 1 // what HTTP/2 allows at most: the server is never held back by it
	firstWindow  = 65535
	frameBytes   = 16384 // as Envoy, which leaves HTTP/2's default
	readBytes    = 64 << 10
	streamID     = 1
	dialPatience = 60 * time.Second
)

// conn is one HTTP/2 connection with one gRPC stream on it.  It hands out the bytes of the stream
// as they come and keeps none, so that the client costs little beside the server that is measured.
// One goroutine reads and writes.
type conn struct {
	net          net.Conn
	dropped      atomic.Bool // by us
	r            *bufio.Reader
	w            *bufio.Writer
	framer       *http2.Framer // writes only
	headers      *hpack.Decoder
	unread       int // of the DATA frame under way
	consumed     uint32
	sendAll      int64 // what the server lets us send, on the connection
	sendStream   int64 // and on the stream
	streamWindow int64 // the server's SETTINGS_INITIAL_WINDOW_SIZE
}

// dial waits for a server that is not up yet.
func dial(address string, config *tls.Config) (net.Conn, error) {
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		plain, err := net.Dial("tcp", address)
		if errors.Is(err, syscall.ECONNREFUSED) && time.Since(begin) < dialPatience {
			continue
		}
		if err != nil || config == nil {
			return plain, err
		}
		secure := tls.Client(plain, config)
		if err := secure.Handshake(); err != nil {
			return nil, errors.Join(err, plain.Close())
		}
		return secure, nil
	}
}

// open makes a connection, up to the server's first frame.
func open(address string, config *tls.Config) (*conn, error) {
	socket, err := dial(address, config)
	if err != nil {
		return nil, err
	}
	c := &conn{
		net:          socket,
		r:            bufio.NewReaderSize(socket, readBytes),
		w:            bufio.NewWriterSize(socket, frameBytes),
		headers:      hpack.NewDecoder(4096, nil),
		sendAll:      firstWindow,
		sendStream:   firstWindow,
		streamWindow: firstWindow,
	}
	c.framer = http2.NewFramer(c.w, nil)
	if err := c.greet(); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return c, nil
}

func (c *conn) greet() error {
	_, err := c.w.WriteString(http2.ClientPreface)
	return errors.Join(err,
		c.framer.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow}),
		c.framer.WriteWindowUpdate(0, maxWindow-firstWindow),
		c.w.Flush(), c.frame())
}

// call begins the stream; its head goes out with the first message.
func (c *conn) call(method string) error {
	var block headerBlock
	scheme := "http"
	if _, secure := c.net.(*tls.Conn); secure {
		scheme = "https"
	}
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: scheme},
		{Name: ":path", Value: method},
		{Name: ":authority", Value: c.net.RemoteAddr().String()},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
	} {
		if err := encoder.WriteField(field); err != nil {
			return err
		}
	}
	return c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: streamID, BlockFragment: block, EndHeaders: true})
}

type headerBlock []byte

func (b *headerBlock) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// drop may be called from any goroutine; the one that reads then ends.
func (c *conn) drop() {
	c.dropped.Store(true)
	_ = c.net.Close()
}

// send writes one message of the stream, as the server's windows allow.
func (c *conn) send(message []byte) error {
	rest := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	rest = append(rest, message...)
	for len(rest) > 0 {
		n := min(int64(len(rest)), frameBytes, c.sendAll, c.sendStream)
		if n <= 0 {
			if err := c.awaitWindow(); err != nil {
				return err
			}
			continue
		}
		if err := c.framer.WriteData(streamID, false, rest[:n]); err != nil {
			return err
		}
		c.sendAll -= n
		c.sendStream -= n
		rest = rest[n:]
	}
	return c.w.Flush()
}

func (c *conn) awaitWindow() error {
	if err := c.w.Flush(); err != nil {
		return err
	}
	if err := c.frame(); err != nil {
		return err
	}
	if c.unread > 0 {
		return errors.New("the server answers before it has read the request")
	}
	return nil
}

// available waits for bytes of the stream and says how many of n can be had at once.
func (c *conn) available(n int) (int, error) {
	for c.unread == 0 {
		if err := c.frame(); err != nil {
			return 0, err
		}
	}
	return min(n, c.unread), nil
}

func (c *conn) ReadByte() (byte, error) {
	if _, err := c.available(1); err != nil {
		return 0, err
	}
	c.unread--
	return c.r.ReadByte()
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.available(len(p))
	if err != nil {
		return 0, err
	}
	n, err = c.r.Read(p[:n])
	c.unread -= n
	return n, err
}

// discard passes over n bytes of the stream.
func (c *conn) discard(n int) error {
	for n > 0 {
		some, err := c.available(n)
		if err != nil {
			return err
		}
		if _, err := c.r.Discard(some); err != nil {
			return err
		}
		c.unread -= some
		n -= some
	}
	return nil
}

// frame reads the next frame, but of DATA only its head.
func (c *conn) frame() error {
	head, err := http2.ReadFrameHeader(c.r)
	if err != nil {
		return err
	}
	if head.Type == http2.FrameData {
		return c.onData(head)
	}
	payload := make([]byte, head.Length)
	if _, err := io.ReadFull(c.r, payload); err != nil {
		return err
	}
	switch head.Type {
	case http2.FrameHeaders:
		return c.onHeaders(head, payload)
	case http2.FrameSettings:
		return c.onSettings(head, payload)
	case http2.FrameWindowUpdate:
		c.onWindowUpdate(head, payload)
	case http2.FramePing:
		return c.onPing(head, payload)
	case http2.FrameRSTStream:
		return fmt.Errorf("stream reset: %v", http2.ErrCode(binary.BigEndian.Uint32(payload)))
	case http2.FrameContinuation, http2.FramePushPromise:
		return fmt.Errorf("a frame that this client does not read: %v", head)
	}
	return nil
}

func (c *conn) onData(head http2.FrameHeader) error {
	if head.Flags != 0 || head.StreamID != streamID {
		return fmt.Errorf("a frame that this client does not read: %v", head)
	}
	c.unread = int(head.Length)
	c.consumed += head.Length
	if c.consumed < maxWindow/2 {
		return nil
	}
	returned := c.consumed
	c.consumed = 0
	return errors.Join(c.framer.WriteWindowUpdate(0, returned),
		c.framer.WriteWindowUpdate(streamID, returned), c.w.Flush())
}

func (c *conn) onHeaders(head http2.FrameHeader, block []byte) error {
	if head.Flags&^http2.FlagHeadersEndStream != http2.FlagHeadersEndHeaders {
		return fmt.Errorf("a frame that this client does not read: %v", head)
	}
	fields, err := c.headers.DecodeFull(block)
	if err == nil && head.Flags.Has(http2.FlagHeadersEndStream) {
		return fmt.Errorf("the server ended the stream: %v", fields)
	}
	return err
}

func (c *conn) onSettings(head http2.FrameHeader, payload []byte) error {
	if head.Flags.Has(http2.FlagSettingsAck) {
		return nil
	}
	for ; len(payload) >= 6; payload = payload[6:] {
		id := http2.SettingID(binary.BigEndian.Uint16(payload))
		if id == http2.SettingInitialWindowSize {
			window := int64(binary.BigEndian.Uint32(payload[2:]))
			c.sendStream += window - c.streamWindow
			c.streamWindow = window
		}
	}
	return errors.Join(c.framer.WriteSettingsAck(), c.w.Flush())
}

func (c *conn) onWindowUpdate(head http2.FrameHeader, payload []byte) {
	more := int64(binary.BigEndian.Uint32(payload))
	if head.StreamID == 0 {
		c.sendAll += more
	} else {
		c.sendStream += more
	}
}

func (c *conn) onPing(head http2.FrameHeader, payload []byte) error {
	if head.Flags.Has(http2.FlagPingAck) {
		return nil
	}
	return errors.Join(c.framer.WritePing(true, [8]byte(payload)), c.w.Flush())
}
