import type { PerformOperation } from './admin/operations.ts'
import type { CallerDirectory } from './directory/directory.ts'
import type { KeyHasher } from './keys/key-hasher.ts'
import type { CallerStore } from './store/caller-store.ts'

/** What a thread knows of callers, and what it can do with them. */
export interface Callers {
  readonly directory: CallerDirectory
  readonly hasher: KeyHasher
  /** Whether the directory has all keys of the store; a new one may be missing while the store is away. */
  readonly isCurrent: () => boolean
  /** Whether the store was read at least once, so that its keys can be used. */
  readonly isLoaded: () => boolean
  /** Does an operation on keys, teams and owners. */
  readonly perform: PerformOperation
  /** Undefined without a store, and on threads that do not have it. */
  readonly store: CallerStore | undefined
}
