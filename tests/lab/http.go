// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// endpoint is one API call. Nomad's order of checks is kept: method and arguments, then the way to the leader, then the
// token (by the state of the server that answers), then the work.
type endpoint struct {
	methods     string // "GET PUT"
	wrongMethod int    // status for any other, 0: 405
	needs       capability
	where       place
	check       func(*http.Request) error
	// handle answers with a value for JSON, or writes to the response itself and returns nil, nil.
	handle func(*call) (any, error)
}

// place is who may answer a call.
type place int

const (
	here          place = iota // the server that was asked
	leader                     // the leader; others pass the call on
	leaderOrStale              // the leader, or with ?stale the server that was asked
)

// call is one request on its way through an endpoint.
type call struct {
	*server
	http.ResponseWriter
	*http.Request
}

// refused is an error with a status of its own; other errors are 500.
type refused struct {
	status int
	text   string
}

func (r refused) Error() string { return r.text }

const (
	holdTimeout     = 5 * time.Second // how long a call waits for a leader
	forwardedHeader = "X-Lab-Forwarded"
	notLeaderHeader = "X-Lab-Not-Leader"
)

var (
	errNoLeader = errors.New("No cluster leader")
	errNotReady = errors.New("Not ready to serve consistent reads")
)

// api is the handler of the HTTP port, and with internal calls added of the RPC port.
func (s *server) api(internal bool) http.Handler {
	mux := http.NewServeMux()
	for pattern, endpoint := range endpoints() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.serve(endpoint, &call{s, w, r}, internal)
		})
	}
	if internal {
		mux.HandleFunc("/lab/stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.serverStats()) })
		mux.HandleFunc("/lab/peers", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.peers()) })
	}
	return mux
}

func (s *server) serve(e endpoint, c *call, internal bool) {
	if !internal {
		c.Header().Set("Vary", "Accept-Encoding")
	}
	value, err := s.answer(e, c, internal)
	switch {
	case err != nil:
		writeError(c, err)
	case value != nil:
		writeJSON(c, value)
	}
}

func (s *server) answer(e endpoint, c *call, internal bool) (any, error) {
	if !strings.Contains(" "+e.methods+" ", " "+c.Method+" ") {
		return nil, refused{cmp.Or(e.wrongMethod, http.StatusMethodNotAllowed), "Invalid method"}
	}
	if e.check != nil {
		if err := e.check(c.Request); err != nil {
			return nil, err
		}
	}
	isStale, err := c.isStale(e.where)
	if err != nil {
		return nil, err
	}
	if e.where != here && !isStale {
		passed, err := s.reachLeader(c, internal && c.Request.Header.Get(forwardedHeader) != "")
		if passed || err != nil {
			return nil, err
		}
	}
	if err := s.permit(secretOf(c.Request), e.needs); err != nil {
		return nil, err
	}
	return e.handle(c)
}

// isStale says whether the asked server may answer although it is not the leader. Refuses what a call that is
// answered by more than the asked server must not ask for.
func (c *call) isStale(where place) (bool, error) {
	query := c.URL.Query()
	if region := query.Get("region"); where != here && region != "" && region != c.config.Region {
		return false, errors.New("No path to region")
	}
	if where != leaderOrStale || !query.Has("stale") || query.Get("stale") == "" {
		return where == leaderOrStale && query.Has("stale"), nil
	}
	stale, err := strconv.ParseBool(query.Get("stale"))
	if err != nil {
		return false, refused{http.StatusBadRequest, "Expect `true` or `false` for `stale` query string parameter"}
	}
	return stale, nil
}

// reachLeader waits until this server is the leader and knows all that was committed (false) or has had the call answered by the leader (true).
func (s *server) reachLeader(c *call, forwarded bool) (passed bool, err error) {
	deadline := time.Now().Add(holdTimeout)
	for {
		isLeader := s.raft.State() == raft.Leader
		if isLeader && s.ready.Load() {
			return false, nil
		}
		if forwarded && !isLeader {
			c.Header().Set(notLeaderHeader, "1")
			return true, refused{http.StatusServiceUnavailable, "not the leader"}
		}
		if address, _ := s.raft.LeaderWithID(); !isLeader && address != "" {
			passed, err := s.forward(c, string(address))
			if passed || err != nil {
				return passed, err
			}
		}
		switch expired := time.Now().After(deadline); {
		case expired && isLeader:
			return false, errNotReady
		case expired:
			return false, errNoLeader
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// forward has the call answered by another server; false when that server is not the leader.
func (s *server) forward(c *call, address string) (bool, error) {
	body, err := io.ReadAll(c.Body)
	if err != nil {
		return false, err
	}
	c.Body = io.NopCloser(bytes.NewReader(body)) // for another try
	url := "http://" + address + c.URL.RequestURI()
	request, err := http.NewRequestWithContext(c.Context(), c.Method, url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header = c.Request.Header.Clone()
	request.Header.Set(forwardedHeader, "1")
	answer, err := s.network.client.Do(request)
	if err != nil {
		return false, fmt.Errorf("rpc error: failed to get conn: %w", errors.Unwrap(err))
	}
	defer answer.Body.Close()
	if answer.Header.Get(notLeaderHeader) != "" {
		return false, nil
	}
	for name, values := range answer.Header {
		if name != "Date" && name != "Content-Length" {
			c.Header()[name] = values
		}
	}
	c.WriteHeader(answer.StatusCode)
	_, err = io.Copy(c.ResponseWriter, answer.Body)
	return true, err
}

func (c *call) Header() http.Header { return c.ResponseWriter.Header() }

func (c *call) Write(data []byte) (int, error) { return c.ResponseWriter.Write(data) }

// secretOf is the token a request brings: X-Nomad-Token or a bearer.
func secretOf(r *http.Request) string {
	if secret := r.Header.Get("X-Nomad-Token"); secret != "" {
		return strings.TrimSpace(secret)
	}
	return strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var own refused
	switch {
	case errors.As(err, &own):
		status = own.status
	case errors.Is(err, errPermissionDenied):
		status = http.StatusForbidden
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, err.Error())
}

func writeJSON(w http.ResponseWriter, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
}

// writeUntyped sends the status before a type is set, as Nomad does in some places: such JSON travels as text/plain.
func (c *call) writeUntyped(status int, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	c.WriteHeader(status)
	_, err = c.Write(data)
	return err
}

// casOf is the ?cas= argument, and whether there was one. complaint introduces the error.
func casOf(r *http.Request, complaint string) (cas uint64, given bool, err error) {
	text := r.URL.Query().Get("cas")
	if text == "" {
		return 0, false, nil
	}
	cas, err = strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, false, refused{http.StatusBadRequest, complaint + err.Error()}
	}
	return cas, true, nil
}

// apiDuration is a duration that JSON holds as Go text: "200ms".
type apiDuration time.Duration

func (d apiDuration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

func (d *apiDuration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	*d = apiDuration(parsed)
	return err
}
