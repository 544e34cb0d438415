// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"time"

	metrics "github.com/hashicorp/go-metrics/compat"
	boltdb "github.com/hashicorp/raft-boltdb/v2"
	walmetrics "github.com/hashicorp/raft-wal/metrics"
)

// As Nomad's telemetry block and its server have them by default.
const (
	metricsInterval  = 10 * time.Second
	metricsRetention = time.Minute
	boltdbInterval   = 5 * time.Second
)

// keepMetrics makes what HashiCorp's libraries measure visible under Nomad's names.
func keepMetrics() (*metrics.InmemSink, error) {
	sink := metrics.NewInmemSink(metricsInterval, metricsRetention)
	config := metrics.DefaultConfig("nomad")
	config.EnableHostnameLabel = true
	config.EnableRuntimeMetrics = false
	_, err := metrics.NewGlobal(config, sink)
	return sink, err
}

// walCollector counts under the prefix that Nomad gives it, on top of the one that all metrics have.
func walCollector() walmetrics.Collector {
	return walmetrics.NewGoMetricsCollector([]string{"nomad", "raft", "wal"}, nil, nil)
}

// measure has the store tell of itself, if it is one that does so only when asked, until the server stops.
func (s *server) measure(store logStore) {
	if bolt, ok := store.(*boltdb.BoltStore); ok {
		until, stop := context.WithCancel(context.Background())
		go func() { <-s.stopped; stop() }()
		go bolt.RunMetrics(until, boltdbInterval)
	}
}

// showMetrics is the last interval that is over, or the first one while there is no other.
func showMetrics(c *call) (any, error) { return c.metrics.DisplayMetrics(nil, c.Request) }
