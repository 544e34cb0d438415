// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
)

// serveInternal answers the other servers on the RPC port.
func (s *server) serveInternal() {
	_ = (&http.Server{Handler: s.api(true)}).Serve(s.network.internal)
}

func (s *server) ask(limit context.Context, address, path string, answer any) error {
	request, err := http.NewRequestWithContext(limit, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	response, err := s.network.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// askStats is what a server says of itself, nil when it does not answer.
func (s *server) askStats(limit context.Context, address string) *autopilot.ServerStats {
	stats := new(autopilot.ServerStats)
	if err := s.ask(limit, address, "/lab/stats", stats); err != nil {
		return nil
	}
	return stats
}

func (s *server) askPeers(address string) (peers []raft.Server, err error) {
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return peers, s.ask(limit, address, "/lab/peers", &peers)
}
