// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/raft"
)

// The RPC port carries two kinds of connections; their first byte tells them apart.
const (
	raftConnection     = 'R'
	internalConnection = 'I' // HTTP between servers: forwarded requests, Raft statistics
)

// network is one server's RPC port. It is the stream layer of Raft and the listener of the internal HTTP server.
type network struct {
	listener  net.Listener
	advertise string
	raft      *connections
	internal  *connections
	client    *http.Client
}

func listenRPC(listen, advertise string) (*network, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	n := &network{
		listener:  listener,
		advertise: advertise,
		raft:      newConnections(stringAddress(advertise)),
		internal:  newConnections(stringAddress(advertise)),
	}
	dial := func(_ context.Context, _, address string) (net.Conn, error) {
		return dialAs(internalConnection, address, 10*time.Second)
	}
	transport := &http.Transport{DialContext: dial, DisableCompression: true, DisableKeepAlives: true}
	n.client = &http.Client{Transport: transport}
	go n.accept()
	return n, nil
}

func (n *network) accept() {
	for {
		connection, err := n.listener.Accept()
		if err != nil {
			return
		}
		go n.sortOut(connection)
	}
}

func (n *network) sortOut(connection net.Conn) {
	kind := make([]byte, 1)
	_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err := io.ReadFull(connection, kind)
	_ = connection.SetReadDeadline(time.Time{})
	switch {
	case err == nil && kind[0] == raftConnection:
		n.raft.put(connection)
	case err == nil && kind[0] == internalConnection:
		n.internal.put(connection)
	default:
		connection.Close()
	}
}

func (n *network) close() {
	n.listener.Close()
	n.raft.Close()
	n.internal.Close()
}

func dialAs(kind byte, address string, timeout time.Duration) (net.Conn, error) {
	connection, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, err
	}
	if _, err := connection.Write([]byte{kind}); err != nil {
		connection.Close()
		return nil, err
	}
	return connection, nil
}

// raftLayer is the raft.StreamLayer of a network.
type raftLayer struct{ *connections }

func (raftLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return dialAs(raftConnection, string(address), timeout)
}

// connections is a net.Listener fed by somebody else's accept loop.
type connections struct {
	address net.Addr
	queue   chan net.Conn
	closed  context.Context
	cancel  context.CancelFunc
}

func newConnections(address net.Addr) *connections {
	closed, cancel := context.WithCancel(context.Background())
	return &connections{address: address, queue: make(chan net.Conn), closed: closed, cancel: cancel}
}

func (c *connections) put(connection net.Conn) {
	select {
	case c.queue <- connection:
	case <-c.closed.Done():
		connection.Close()
	}
}

func (c *connections) Accept() (net.Conn, error) {
	select {
	case connection := <-c.queue:
		return connection, nil
	case <-c.closed.Done():
		return nil, errors.New("listener closed")
	}
}

func (c *connections) Close() error {
	c.cancel()
	return nil
}

func (c *connections) Addr() net.Addr { return c.address }

type stringAddress string

func (stringAddress) Network() string  { return "tcp" }
func (a stringAddress) String() string { return string(a) }
