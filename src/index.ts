/** The public surface: the gateway as a Fastify plugin, and its configuration. */

export type { LimitResult, LimitStore, RateLimit } from './admin/security/limit-store.ts'
export { type LoadedConfig, type LoadOptions, loadConfig, parseConfig } from './config/load.ts'
export { ConfigError, type Diagnostic, formatDiagnostic } from './config/schema/diagnostics.ts'
export type { EndpointConfig, GatewayConfig } from './config/schema/schema.ts'
export type { ProfileDocument } from './endpoints/profiles/profile-store.ts'
export { default, type GatewayOptions } from './gateway.ts'
export { type ErrorCode, errorTable, GatewayError } from './kernel/errors.ts'
export type {
  AttemptEnd,
  HookedAttempt,
  HookedRequest,
  HookedUsage,
  RequestHooks,
} from './proxy/request/hooks.ts'
export type { SessionStore } from './routing/affinity/session-store.ts'
export type { Candidate, EndpointLoad, EndpointSelector } from './routing/selection/selector.ts'
export type { ChangeResult } from './runtime/configuration/changes.ts'
export type { ConfigControl } from './runtime/configuration/control.ts'
export type { ConfigSource, ReloadResult } from './runtime/configuration/reloads.ts'
export type { GatewayEvent, GatewayEvents, GatewayEventType } from './runtime/events/events.ts'
export type { DrainResult } from './runtime/lifecycle/drain.ts'
