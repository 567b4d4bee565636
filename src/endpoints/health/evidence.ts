import type { EndpointStatus } from '../../kernel/endpoint-status.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import type { PassiveEvidence } from './health-monitor.ts'

/** Whether evidence is already reflected: of many requests that an endpoint refuses, the first is enough. */
export function isKnown(registry: EndpointRegistry, slot: number, evidence: PassiveEvidence): boolean {
  if (evidence.kind === 'answered') return registry.isRoutable(slot)
  const isUnsent =
    evidence.kind === 'refused' || evidence.kind === 'unreachable' || evidence.kind === 'untrusted'
  return isUnsent && registry.status(slot) === 'offline'
}

/** Status that evidence implies, and the reason. */
export function evidenceVerdict({ kind }: Pick<Exclude<PassiveEvidence, { kind: 'list_read' }>, 'kind'>): {
  status: EndpointStatus
  reason: string
} {
  switch (kind) {
    case 'refused':
      return { status: 'offline', reason: 'a request was refused' }
    case 'unreachable':
      return { status: 'offline', reason: 'a request found no host' }
    case 'untrusted':
      return { status: 'offline', reason: 'a request failed its TLS handshake' }
    case 'answered':
      return { status: 'healthy', reason: 'a request was answered' }
    case 'list_refused':
      return { status: 'config_error', reason: 'the model list was answered with status 401 or 403' }
    case 'rate_limited':
      return { status: 'rate_limited', reason: 'a request was answered with status 429' }
  }
}
