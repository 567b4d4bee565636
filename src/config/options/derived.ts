import { issuersOf, type JwtConfig } from './issuers.ts'
import type { SectionOptions } from './sections.ts'

/** What of the section `callers` decides whether they are on, as in the file. */
interface CallersSection {
  readonly enabled?: boolean | undefined
  readonly store: string
  readonly keys: readonly unknown[]
  readonly jwt: JwtConfig
  readonly trusted_header: { readonly networks: readonly string[] }
}

/** Whether callers need a key, or another proof of who they are. */
export function callersAreOn(callers: CallersSection): boolean {
  return callers.enabled ?? (hasKeys(callers) || identifiesOtherwise(callers))
}

/** Whether keys can exist. */
export function hasKeys({ store, keys }: Pick<CallersSection, 'store' | 'keys'>): boolean {
  return store !== '' || keys.length > 0
}

/** Whether tokens or a proxy identify callers. */
export function identifiesOtherwise(callers: Pick<CallersSection, 'jwt' | 'trusted_header'>): boolean {
  return issuersOf(callers.jwt).length > 0 || callers.trusted_header.networks.length > 0
}

/** Whether what callers use is counted in their store. */
export function ledgerIsOn(
  callers: CallersSection & { readonly ledger: { readonly enabled: boolean } },
): boolean {
  return callersAreOn(callers) && callers.store !== '' && callers.ledger.enabled
}

/** Whether lower priorities serve only if no higher one can. */
export function hasPriorityTiers({ priorityTiers, loadBalancer }: SectionOptions<'proxy'>): boolean {
  return priorityTiers || loadBalancer === 'priority'
}

/** Whether the gateway shares its state with other replicas. */
export function clusterIsOn({ redis }: { readonly redis: string }): boolean {
  return redis !== ''
}

/** What decides whether engines are asked about their load, as in the file. */
interface SignalsSections {
  readonly discovery: { readonly signals: { readonly interval?: number | undefined } }
  readonly proxy: { readonly load_balancer: string }
}

const defaultSignalsMs = 1_000

/** Milliseconds between two readings of an engine; 0 reads none. */
export function signalsIntervalMs({ discovery, proxy }: SignalsSections): number {
  return discovery.signals.interval ?? (proxy.load_balancer === 'expected-latency' ? defaultSignalsMs : 0)
}
