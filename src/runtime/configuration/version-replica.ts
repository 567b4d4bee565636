import type { PeerLink, Topic } from '../links/peer-link.ts'
import type { ConfigVersion, ConfigVersions } from './versions.ts'

/** A thread's answer to a version; the reason is for display. */
export interface PrepareAnswer {
  readonly thread: number
  readonly refusal: string | undefined
}

const prepareTopic: Topic<ConfigVersion, PrepareAnswer> = 'config.prepare'
const commitTopic: Topic<number, boolean> = 'config.commit'
const currentTopic: Topic<undefined, ConfigVersion> = 'config.current'

/** Building the parts of a version takes milliseconds; a busy thread may be late. */
const prepareMs = 10_000
const currentMs = 10_000

/** The serving threads, as the control thread leads them from version to version. */
export interface VersionFollowers {
  /** @returns the reason of the first thread that refuses */
  prepare(next: ConfigVersion): Promise<string | undefined>
  /** Resolves when all threads that respond have switched. */
  commit(version: number): Promise<void>
}

/** Leads the serving threads. With one thread there are none. */
export function leadVersions(versions: ConfigVersions, link: PeerLink): VersionFollowers {
  link.on(currentTopic, () => versions.current)
  return {
    async prepare(next) {
      const answers = await link.requestAll(prepareTopic, next, prepareMs)
      const refused = answers.find(({ refusal }) => refusal !== undefined)
      return refused === undefined ? undefined : `thread ${refused.thread}: ${refused.refusal}`
    },
    async commit(version) {
      await link.requestAll(commitTopic, version, prepareMs)
    },
  }
}

/**
 * Follows the control thread's versions on a serving thread.
 * @returns a function that fetches the current one; await it before accepting requests
 */
export function followVersions(versions: ConfigVersions, link: PeerLink): () => Promise<void> {
  link.on(prepareTopic, (next) => {
    try {
      versions.prepare(next)
      return { thread: link.thread, refusal: undefined }
    } catch (error) {
      return { thread: link.thread, refusal: error instanceof Error ? error.message : String(error) }
    }
  })
  link.on(commitTopic, async (version) => {
    if (!versions.commit(version)) await catchUp()
    return true
  })
  return catchUp

  async function catchUp(): Promise<void> {
    const next = await link.requestControl(currentTopic, undefined, currentMs)
    if (next === undefined) throw new Error('the control thread did not send its configuration')
    if (next.version <= versions.current.version) return
    versions.prepare(next)
    versions.commit(next.version)
  }
}
