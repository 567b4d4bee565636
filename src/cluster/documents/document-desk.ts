import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Cluster, ClusterPart } from '../cluster.ts'
import type {
  DocumentAnswer,
  DocumentLimits,
  DocumentQuery,
  DocumentResult,
  DocumentWrite,
} from '../contract/documents.ts'
import {
  documentDeleteScript,
  documentReadScript,
  documentWriteScript,
  turnEndScript,
  turnTakeScript,
} from '../scripts/documents.ts'
import type { SideLink } from './side-link.ts'

export interface DocumentDeskOptions {
  readonly clock: Pick<Clock, 'after'>
  readonly cluster: Pick<Cluster, 'id' | 'keys' | 'state'>
  readonly link: Pick<SideLink, 'lookUp' | 'write'>
  readonly limits: DocumentLimits
  /** The replica has become a member again. */
  readonly onReturn: () => void
}

/** How long a document may be on its way from the replica that writes it. */
const underWayMs = 25
/** Every key expires: also where documents need not. */
const longestTtlMs = 30 * 86_400_000
/** Memory that the server takes for a document, and for each of its items, beside the text. */
const overheadBytes = 256
/** As long as the turns of one process. */
const maxTurnMs = 3_600_000

/** Reads and writes the documents that the replicas share; it runs on the control thread. */
export class DocumentDesk implements ClusterPart {
  readonly #options: DocumentDeskOptions
  readonly #ttl: string

  constructor(options: DocumentDeskOptions) {
    this.#options = options
    const { ttlMs } = options.limits
    this.#ttl = String(Math.max(1, Math.min(longestTtlMs, ttlMs === 0 ? longestTtlMs : Math.round(ttlMs))))
  }

  joined(isReturn: boolean): void {
    if (isReturn) this.#options.onReturn()
  }

  inexact(): readonly string[] {
    return ['stored responses and conversations: only those of this replica']
  }

  async read({ by, id, mayBeNew }: DocumentQuery): Promise<DocumentAnswer> {
    const found = await this.#read(by, id)
    if (found.kind !== 'none' || !mayBeNew) return found
    await new Promise<void>((resolve) => void this.#options.clock.after(underWayMs, resolve))
    return this.#read(by, id)
  }

  async write({ id, text, items, after = -1 }: DocumentWrite): Promise<DocumentResult> {
    const { maxBytes, maxDocuments } = this.#options.limits
    const limits = [this.#ttl, maxBytes, maxDocuments, overheadBytes].map(String)
    try {
      const version = await this.#options.link.write({
        script: documentWriteScript,
        keys: this.#keys,
        args: [id, text, String(after), ...limits, ...items],
      })
      if (Number(version) > 0) return 'kept'
      return Number(version) === 0 ? 'conflict' : 'full'
    } catch {
      return 'away'
    }
  }

  async delete(id: string): Promise<boolean | undefined> {
    const { cluster, link } = this.#options
    const message = JSON.stringify({ kind: 'documents', by: cluster.id, deleted: [id] })
    try {
      const had = await link.lookUp({
        script: documentDeleteScript,
        keys: this.#keys,
        args: [id, cluster.keys.news, message],
      })
      return Number(had) === 1
    } catch {
      return undefined
    }
  }

  async takeTurn(name: string): Promise<boolean | undefined> {
    const { cluster, link } = this.#options
    try {
      const taken = await link.lookUp({
        script: turnTakeScript,
        keys: [cluster.keys.alive, this.#turnKey(name)],
        args: [cluster.id, String(maxTurnMs)],
      })
      return Number(taken) === 1
    } catch {
      return undefined
    }
  }

  endTurn(name: string): void {
    const { cluster, link } = this.#options
    link
      .write({ script: turnEndScript, keys: [this.#turnKey(name)], args: [cluster.id] })
      .catch(() => undefined)
  }

  get #keys(): readonly string[] {
    return this.#options.cluster.keys.documents
  }

  async #read(by: DocumentQuery['by'], id: string): Promise<DocumentAnswer> {
    try {
      const reply = await this.#options.link.lookUp({
        script: documentReadScript,
        keys: this.#keys,
        args: [id, by === 'item' ? '1' : '0', this.#ttl],
      })
      if (!Array.isArray(reply) || reply.length < 3) return { kind: 'none' }
      const document = { id: String(reply[0]), text: String(reply[1]), version: Number(reply[2]) }
      return { kind: 'found', document }
    } catch {
      return { kind: 'away' }
    }
  }

  /** Names contain what clients send. */
  #turnKey(name: string): string {
    return this.#options.cluster.keys.turns + createHash('sha256').update(name).digest('base64url')
  }
}
