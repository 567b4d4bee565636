import type { SessionKey } from '../../routing/affinity/key-sources.ts'
import type { SessionDecision } from '../../routing/affinity/session-affinity.ts'

/** The session of one request. */
export interface RequestSession {
  readonly key: SessionKey | undefined
  /** The latest decision; final once an endpoint has answered. */
  readonly decision: SessionDecision
}
