/** The public surface: the gateway as a Fastify plugin, and its configuration. */
export type { SessionStore } from './affinity/session-store.ts'
export { ConfigError, type Diagnostic, formatDiagnostic } from './config/diagnostics.ts'
export { type LoadedConfig, type LoadOptions, loadConfig, parseConfig } from './config/load.ts'
export type { EndpointConfig, GatewayConfig } from './config/schema.ts'
export { type Dialect, type ErrorCode, errorTable, GatewayError } from './errors.ts'
export type { GatewayEvent, GatewayEvents, GatewayEventType } from './events/events.ts'
export { default, type GatewayOptions } from './gateway.ts'
export type { DrainResult } from './lifecycle/drain.ts'
export type { ProfileDocument } from './model/profile-store.ts'
export type {
  AttemptEnd,
  HookedAttempt,
  HookedRequest,
  HookedUsage,
  RequestHooks,
} from './request/hooks.ts'
export type { LimitResult, LimitStore, RateLimit } from './security/limit-store.ts'
export type { Candidate, EndpointLoad, EndpointSelector } from './selection/selector.ts'
