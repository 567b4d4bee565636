import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { IssuerKeys, IssuerState } from './issuer-keys.ts'

const changedTopic: Topic<IssuerState> = 'callers.issuer.changed'
const stateTopic: Topic<undefined, IssuerState> = 'callers.issuer.state'
const refetchTopic: Topic<undefined, IssuerState> = 'callers.issuer.refetch'

/** How long a serving thread waits in addition to the fetch itself, on a busy machine. */
const extraMs = 5_000

/**
 * Answers the serving threads from control's keys.
 * @returns sends a change
 */
export function shareIssuer(
  link: PeerLink,
  keys: Pick<IssuerKeys, 'state' | 'refetch'>,
): (state: IssuerState) => void {
  link.on(stateTopic, () => keys.state)
  link.on(refetchTopic, () => keys.refetch())
  return (state) => link.broadcast(changedTopic, state)
}

export interface IssuerMirror {
  /** Await it before accepting requests. */
  readonly fetch: () => Promise<void>
  /** Asks control to fetch the keys again, if that was not done recently. */
  readonly refetch: () => Promise<void>
}

/** @param fetchTimeoutMs of control's fetches: one of the discovery document, one of the keys */
export function followIssuer(
  link: PeerLink,
  fetchTimeoutMs: number,
  onState: (state: IssuerState) => void,
): IssuerMirror {
  link.on(changedTopic, onState)
  const ask = (topic: Topic<undefined, IssuerState>) => async () => {
    const state = await link.requestControl(topic, undefined, 2 * fetchTimeoutMs + extraMs)
    if (state !== undefined) onState(state)
  }
  return { fetch: ask(stateTopic), refetch: ask(refetchTopic) }
}
