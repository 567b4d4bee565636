import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { IssuerKeys, IssuerState } from './issuer-keys.ts'

/** The state of one of the issuers, which are numbered as in the configuration. */
interface SharedState {
  readonly issuer: number
  readonly state: IssuerState
}

const changedTopic: Topic<SharedState> = 'callers.issuer.changed'
const stateTopic: Topic<number, IssuerState> = 'callers.issuer.state'
const refetchTopic: Topic<number, IssuerState> = 'callers.issuer.refetch'

/** How long a serving thread waits in addition to the fetch itself, on a busy machine. */
const extraMs = 5_000

/**
 * Answers the serving threads from control's keys.
 * @param keysOf returns the keys of an issuer by its number
 * @returns sends a change
 */
export function shareIssuers(
  link: PeerLink,
  keysOf: (issuer: number) => Pick<IssuerKeys, 'state' | 'refetch'>,
): (issuer: number, state: IssuerState) => void {
  link.on(stateTopic, (issuer) => keysOf(issuer).state)
  link.on(refetchTopic, (issuer) => keysOf(issuer).refetch())
  return (issuer, state) => link.broadcast(changedTopic, { issuer, state })
}

export interface IssuerMirror {
  /** Await it before accepting requests. */
  readonly fetch: (issuer: number) => Promise<void>
  /** Asks control to fetch the keys of an issuer again, if that was not done recently. */
  readonly refetch: (issuer: number) => Promise<void>
}

/** @param fetchTimeoutMs of control's fetches, by issuer: one of the discovery document, one of the keys */
export function followIssuers(
  link: PeerLink,
  fetchTimeoutMs: readonly number[],
  onState: (issuer: number, state: IssuerState) => void,
): IssuerMirror {
  link.on(changedTopic, ({ issuer, state }) => onState(issuer, state))
  const ask = (topic: Topic<number, IssuerState>) => async (issuer: number) => {
    const waitMs = 2 * (fetchTimeoutMs[issuer] ?? 0) + extraMs
    const state = await link.requestControl(topic, issuer, waitMs)
    if (state !== undefined) onState(issuer, state)
  }
  return { fetch: ask(stateTopic), refetch: ask(refetchTopic) }
}
