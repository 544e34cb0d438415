// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Command lab is a small stand-in for a Nomad server in tests: it stores through HashiCorp's Raft stores, elects,
// gossips and runs autopilot with HashiCorp's libraries, and imitates the part of Nomad's command line,
// configuration, HTTP API, start-up checks and signals that this collection deals with. Where it differs from Nomad,
// Nomad is right.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// version is the Nomad version that the lab server claims to be.
func version() string {
	if claimed := os.Getenv("RAFTOPS_LAB_VERSION"); claimed != "" {
		return claimed
	}
	return "2.0.5"
}

// hasLogStoreChoice says whether the claimed version knows raft_logstore: Nomad does since 2.0.0.
func hasLogStoreChoice() bool {
	major, _, _ := strings.Cut(version(), ".")
	number, err := strconv.Atoi(major)
	return err != nil || number >= 2
}

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(arguments []string) int {
	switch command := strings.Join(arguments, " "); {
	case command == "version" || command == "-version" || command == "--version":
		fmt.Printf("Nomad v%s\nraftops.nomad lab server, not Nomad itself\n", version())
		return 0
	case strings.HasPrefix(command, "agent"):
		return runAgent(arguments[1:])
	case strings.HasPrefix(command, "config validate"):
		return validate(arguments[2:])
	}
	fmt.Fprintln(os.Stderr, "Usage: lab agent -config PATH [-config PATH...] | config validate PATH... | version")
	return 127
}
