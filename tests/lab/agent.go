// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"
)

// runAgent is "agent": it returns the exit code, 1 for everything but a graceful leave.
func runAgent(arguments []string) int {
	flags, err := agentFlags(arguments)
	if err != nil {
		return complain(err.Error())
	}
	config, err := loadConfig(flags["config"])
	if err != nil {
		return complain(err.Error())
	}
	for _, dataDir := range flags["data-dir"] { // the command line wins over all files
		config.DataDir = dataDir
	}
	if problem := config.refusal(); problem != "" {
		return complain(problem)
	}
	fmt.Printf("==> Loaded configuration from %s\n==> Starting Nomad agent...\n", strings.Join(config.Files, ", "))
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.LevelFromString(config.LogLevel), Output: os.Stdout})
	server, err := newServer(config, logger)
	if err != nil {
		fmt.Printf("==> Error starting agent: %s\n", err)
		return 1
	}
	listener, err := listenHTTP(config)
	if err != nil {
		server.shutdown()
		fmt.Printf("==> Error starting http server: %s\n", err)
		return 1
	}
	go func() { _ = (&http.Server{Handler: server.api(false)}).Serve(listener) }()
	notifySystemd()
	fmt.Print("==> Nomad agent started! Log data will stream in below:\n\n")
	code := waitForSignal(config, server)
	listener.Close()
	server.shutdown()
	logger.Named("agent").Info("shutdown complete")
	return code
}

func complain(text string) int {
	fmt.Fprintln(os.Stderr, "==> "+text)
	return 1
}

// agentFlags are the values of -config and -data-dir, in all the forms that Go's flag package takes.
func agentFlags(arguments []string) (map[string][]string, error) {
	flags := map[string][]string{}
	for i := 0; i < len(arguments); i++ {
		name, value, hasValue := strings.Cut(strings.TrimLeft(arguments[i], "-"), "=")
		if name != "config" && name != "data-dir" {
			return nil, fmt.Errorf("flag provided but not defined: -%s", name)
		}
		if !hasValue {
			if i++; i == len(arguments) {
				return nil, errors.New("flag needs an argument: -" + name)
			}
			value = arguments[i]
		}
		flags[name] = append(flags[name], value)
	}
	return flags, nil
}

func listenHTTP(config *Config) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(config.Addresses.HTTP, strconv.Itoa(config.Ports.HTTP)))
	if err != nil || !config.TLS.EnableHTTP {
		return listener, err
	}
	settings, err := config.TLS.settings()
	if err != nil {
		listener.Close()
		return nil, err
	}
	return tls.NewListener(listener, settings), nil
}

// settings are those of the HTTPS port: the server's certificate, and with verify_https_client a demand for the
// client's.
func (t *TLS) settings() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("failed to load cert/key pair: %w", err)
	}
	settings := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if t.VerifyHTTPSClient {
		authority, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("failed to read CA file: %w", err)
		}
		settings.ClientCAs = x509.NewCertPool()
		settings.ClientCAs.AppendCertsFromPEM(authority)
		settings.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return settings, nil
}

// notifySystemd tells a unit of Type=notify that the agent is up.
func notifySystemd() {
	if connection, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET")); err == nil {
		defer connection.Close()
		_, _ = connection.Write([]byte("READY=1"))
	}
}

// waitForSignal returns the exit code: 0 after a leave, which leave_on_interrupt and leave_on_terminate ask for, else
// 1.
func waitForSignal(config *Config, server *server) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	for caught := range signals {
		fmt.Printf("==> Caught signal: %s\n", caught)
		if caught == syscall.SIGHUP {
			continue
		}
		if caught == syscall.SIGINT && config.LeaveOnInt || caught == syscall.SIGTERM && config.LeaveOnTerm {
			fmt.Println("==> Gracefully shutting down agent...")
			server.leave()
			return 0
		}
		break
	}
	return 1
}

// validate is "config validate": it loads and merges, and does not notice what only the server's set-up would refuse.
func validate(paths []string) int {
	config, err := loadConfig(paths)
	if err != nil {
		return complain(err.Error())
	}
	if problem := config.refusal(); problem != "" {
		return complain(problem)
	}
	fmt.Println("Configuration is valid!")
	return 0
}
