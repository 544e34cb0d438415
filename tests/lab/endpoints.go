// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

// endpoints is the HTTP API: path pattern -> call. Rights and places are Nomad 2.0.5's; an endpoint whose right
// depends on the method checks it itself.
func endpoints() map[string]endpoint {
	return map[string]endpoint{
		"/v1/agent/self":    {methods: "GET", where: here, handle: agentSelf},
		"/v1/agent/members": {methods: "GET", where: here, needs: nodeRead, handle: agentMembers},
		"/v1/agent/health":  {methods: "GET", where: here, handle: agentHealth},

		"/v1/status/leader": {methods: "GET", where: leaderOrStale, handle: statusLeader},
		"/v1/status/peers":  {methods: "GET", where: leaderOrStale, handle: statusPeers},

		"/v1/metrics": {methods: "GET", where: here, handle: showMetrics},

		"/v1/regions": {methods: "GET", where: here, handle: regions},

		"/v1/operator/raft/configuration": {
			methods: "GET", where: leaderOrStale, needs: management, handle: raftConfiguration},
		"/v1/operator/raft/peer": {methods: "DELETE", where: leader, needs: management, handle: removePeer},
		"/v1/operator/raft/transfer-leadership": {
			methods: "PUT POST", where: leader, needs: management, check: checkTransfer, handle: transferLeadership},

		"/v1/operator/autopilot/health": {methods: "GET", where: leader, needs: operatorRead, handle: autopilotHealth},
		"/v1/operator/autopilot/configuration": {
			methods: "GET PUT", wrongMethod: 404, where: leader, handle: autopilotConfiguration},
		"/v1/operator/snapshot": {methods: "GET PUT POST", where: leaderOrStale, handle: snapshotCall},

		"/v1/var/{path...}": {methods: "GET PUT POST DELETE", where: leaderOrStale, needs: management, handle: variableCall},
		"/v1/vars":          {methods: "GET", where: leaderOrStale, needs: management, handle: listVariables},

		"/v1/acl/bootstrap":     {methods: "PUT POST", where: leader, handle: aclBootstrap},
		"/v1/acl/policy/{name}": {methods: "GET PUT POST", where: leader, needs: management, handle: aclPolicy},
		"/v1/acl/token":         {methods: "PUT POST", where: leader, needs: management, handle: aclToken},
		"/v1/acl/token/self":    {methods: "GET", where: here, handle: aclTokenSelf},
	}
}
