import type { Limits } from '../../config/schema/callers-schema.ts'
import type { Caller } from '../../proxy/contract/caller.ts'
import type { SubjectKind } from '../contract/records.ts'
import type { EntryRules } from '../policy/entry-rules.ts'

/** One of the parties whose limits apply to a request, and for which the ledger counts. */
export interface Subject {
  readonly kind: SubjectKind
  /** The ID of a key; the name of an owner or team. */
  readonly id: string
  readonly limits: Limits | undefined
}

/** A caller with everything that its requests need, made when its key is first used. */
export interface KnownCaller extends Caller {
  /** What each policy says about a request's head; empty if they allow all. */
  readonly entry: readonly EntryRules[]
  /** The key, its owner and its team. */
  readonly subjects: readonly Subject[]
}

/** Whether a caller comes from a directory. */
export function isKnown(caller: Caller): caller is KnownCaller {
  return 'subjects' in caller
}
