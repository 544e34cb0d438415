// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

// The keys that Nomad decodes and this program only takes note of, whatever their values are. They are fields because
// hcl reports what is no field as unexpected, and what it reports of one block may hide what it reports of another.

// OtherKeys are those at the top of a file.
type OtherKeys struct {
	Datacenter                any `hcl:"datacenter"`
	Name                      any `hcl:"name"`
	PluginDir                 any `hcl:"plugin_dir"`
	LogLevel                  any `hcl:"log_level"`
	LogJson                   any `hcl:"log_json"`
	LogFile                   any `hcl:"log_file"`
	LogIncludeLocation        any `hcl:"log_include_location"`
	LogRotateDuration         any `hcl:"log_rotate_duration"`
	LogRotateBytes            any `hcl:"log_rotate_bytes"`
	LogRotateMaxFiles         any `hcl:"log_rotate_max_files"`
	EnableDebug               any `hcl:"enable_debug"`
	Advertise                 any `hcl:"advertise"`
	Client                    any `hcl:"client"`
	Rpc                       any `hcl:"rpc"`
	Acl                       any `hcl:"acl"`
	Telemetry                 any `hcl:"telemetry"`
	EnableSyslog              any `hcl:"enable_syslog"`
	SyslogFacility            any `hcl:"syslog_facility"`
	DisableUpdateCheck        any `hcl:"disable_update_check"`
	DisableAnonymousSignature any `hcl:"disable_anonymous_signature"`
	Ui                        any `hcl:"ui"`
	HttpApiResponseHeaders    any `hcl:"http_api_response_headers"`
	Sentinel                  any `hcl:"sentinel"`
	Autopilot                 any `hcl:"autopilot"`
	Plugin                    any `hcl:"plugin"`
	Limits                    any `hcl:"limits"`
	Audit                     any `hcl:"audit"`
	Reporting                 any `hcl:"reporting"`
	Eventlog                  any `hcl:"eventlog"`
}

// OtherServerKeys are those of a server block.
type OtherServerKeys struct {
	AuthoritativeRegion       any `hcl:"authoritative_region"`
	BootstrapExpect           any `hcl:"bootstrap_expect"`
	ClientIntroduction        any `hcl:"client_introduction"`
	ProtocolVersion           any `hcl:"protocol_version"`
	RaftProtocol              any `hcl:"raft_protocol"`
	RaftMultiplier            any `hcl:"raft_multiplier"`
	NumSchedulers             any `hcl:"num_schedulers"`
	EnabledSchedulers         any `hcl:"enabled_schedulers"`
	NodeGcThreshold           any `hcl:"node_gc_threshold"`
	JobGcInterval             any `hcl:"job_gc_interval"`
	JobGcThreshold            any `hcl:"job_gc_threshold"`
	EvalGcThreshold           any `hcl:"eval_gc_threshold"`
	BatchEvalGcThreshold      any `hcl:"batch_eval_gc_threshold"`
	DeploymentGcThreshold     any `hcl:"deployment_gc_threshold"`
	CsiVolumeClaimGcInterval  any `hcl:"csi_volume_claim_gc_interval"`
	CsiVolumeClaimGcThreshold any `hcl:"csi_volume_claim_gc_threshold"`
	CsiPluginGcThreshold      any `hcl:"csi_plugin_gc_threshold"`
	AclTokenGcThreshold       any `hcl:"acl_token_gc_threshold"`
	RootKeyGcInterval         any `hcl:"root_key_gc_interval"`
	RootKeyGcThreshold        any `hcl:"root_key_gc_threshold"`
	RootKeyRotationThreshold  any `hcl:"root_key_rotation_threshold"`
	HeartbeatGrace            any `hcl:"heartbeat_grace"`
	MinHeartbeatTtl           any `hcl:"min_heartbeat_ttl"`
	MaxHeartbeatsPerSecond    any `hcl:"max_heartbeats_per_second"`
	FailoverHeartbeatTtl      any `hcl:"failover_heartbeat_ttl"`
	StartJoin                 any `hcl:"start_join"`
	RetryJoin                 any `hcl:"retry_join"`
	RetryMax                  any `hcl:"retry_max"`
	RetryInterval             any `hcl:"retry_interval"`
	RejoinAfterLeave          any `hcl:"rejoin_after_leave"`
	NonVotingServer           any `hcl:"non_voting_server"`
	RedundancyZone            any `hcl:"redundancy_zone"`
	UpgradeVersion            any `hcl:"upgrade_version"`
	Encrypt                   any `hcl:"encrypt"`
	ServerJoin                any `hcl:"server_join"`
	DefaultSchedulerConfig    any `hcl:"default_scheduler_config"`
	PlanRejectionTracker      any `hcl:"plan_rejection_tracker"`
	PlanApplyPipeline         any `hcl:"plan_apply_pipeline"`
	EnableEventBroker         any `hcl:"enable_event_broker"`
	EventBufferSize           any `hcl:"event_buffer_size"`
	LicensePath               any `hcl:"license_path"`
	Search                    any `hcl:"search"`
	DeployQueryRateLimit      any `hcl:"deploy_query_rate_limit"`
	RaftSnapshotThreshold     any `hcl:"raft_snapshot_threshold"`
	RaftSnapshotInterval      any `hcl:"raft_snapshot_interval"`
	RaftTrailingLogs          any `hcl:"raft_trailing_logs"`
	JobDefaultPriority        any `hcl:"job_default_priority"`
	JobMaxPriority            any `hcl:"job_max_priority"`
	JobMaxCount               any `hcl:"job_max_count"`
	JobMaxSourceSize          any `hcl:"job_max_source_size"`
	JobTrackedVersions        any `hcl:"job_tracked_versions"`
	OidcIssuer                any `hcl:"oidc_issuer"`
	StartTimeout              any `hcl:"start_timeout"`
	LogFile                   any `hcl:"log_file"`
	NonProduction             any `hcl:"non_production"`
}
