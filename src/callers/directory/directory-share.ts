import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { CallerDirectory } from './directory.ts'
import type { DirectoryChange } from './directory-data.ts'

/** What the control thread sends to the serving threads. */
interface Shared {
  readonly change: DirectoryChange | undefined
  /** Whether the store can be read, so that a key that is not known does not exist. */
  readonly isCurrent: boolean
  /** Whether the store was read at least once. */
  readonly isLoaded: boolean
}

const changedTopic: Topic<Shared> = 'callers.changed'
const allTopic: Topic<undefined, Shared> = 'callers.all'

/** Allows for a hundred thousand keys on a busy machine. */
const allMs = 30_000

/**
 * Sends changes of control's directory to the serving threads, and all of it to a new thread.
 * @param whole returns the content of the directory
 * @returns sends a change
 */
export function shareDirectory(link: PeerLink, whole: () => Shared): (shared: Shared) => void {
  link.on(allTopic, whole)
  return (shared) => link.broadcast(changedTopic, shared)
}

export interface DirectoryMirror {
  /** Fetches the whole directory; await it before accepting requests. */
  readonly fetch: () => Promise<void>
  readonly isCurrent: () => boolean
  readonly isLoaded: () => boolean
}

/** Keeps a serving thread's directory equal to control's. */
export function followDirectory(directory: CallerDirectory, link: PeerLink): DirectoryMirror {
  let isCurrent = true
  let isLoaded = false
  const apply = (shared: Shared) => {
    isCurrent = shared.isCurrent
    isLoaded = shared.isLoaded
    if (shared.change !== undefined) directory.apply(shared.change)
  }
  link.on(changedTopic, apply)
  return {
    async fetch() {
      const all = await link.requestControl(allTopic, undefined, allMs)
      if (all === undefined) throw new Error('the control thread did not send its keys')
      apply(all)
    },
    isCurrent: () => isCurrent,
    isLoaded: () => isLoaded,
  }
}
