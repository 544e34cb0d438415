// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Command judge is the independent witness of every claim that the tests make about a store on disk: it reads, writes,
// converts, changes and checks stores with HashiCorp's own libraries and with bbolt. It shares no code with the collection.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A command reads its own flags and returns what is printed as one JSON object, or nil when it has printed itself.
var commands = map[string]func(args []string) (any, error){
	"agents":    agentsCommand,
	"append":    appendCommand,
	"check":     checkCommand,
	"digest":    digestCommand,
	"gen":       genCommand,
	"gen-wal":   genWALCommand,
	"load":      loadCommand,
	"shapes":    shapesCommand,
	"snapshot":  snapshotCommand,
	"to-boltdb": toBoltCommand,
	"to-wal":    toWALCommand,
	"truncate":  truncateCommand,
	"vote":      voteCommand,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "judge:", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("usage: judge %s", strings.Join(commandNames(), "|"))
	}
	// bbolt panics on many kinds of damage; a caller of this program gets a line and a status instead of a stack.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	result, err := commands[args[0]](args[1:])
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if result == nil { // the command has answered itself
		return nil
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(result)
}

func commandNames() []string {
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// parse reads the flags of one command, which may stand before or after its paths, and returns exactly count paths.
func parse(flags *flag.FlagSet, args []string, count int) ([]string, error) {
	var paths []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		paths = append(paths, flags.Arg(0))
		args = flags.Args()[1:]
	}
	if len(paths) != count {
		return nil, fmt.Errorf("wants %d path(s), got %d", count, len(paths))
	}
	return paths, nil
}

func newFlags(name string) *flag.FlagSet {
	return flag.NewFlagSet(name, flag.ContinueOnError)
}
