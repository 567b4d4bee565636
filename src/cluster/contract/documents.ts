import type { Topic } from '../../runtime/links/peer-link.ts'

/** A text that all replicas find by its ID, or by one of its items. */
export interface SharedDocument {
  readonly id: string
  readonly text: string
  /** Counts its changes. */
  readonly version: number
}

export interface DocumentQuery {
  readonly by: 'id' | 'item'
  readonly id: string
  /** Whether another replica may be writing it at this moment: if it is missing, it is looked for once more. */
  readonly mayBeNew: boolean
}

export type DocumentAnswer =
  | { readonly kind: 'found'; readonly document: SharedDocument }
  | { readonly kind: 'none' }
  /** The server cannot be used. */
  | { readonly kind: 'away' }

export interface DocumentWrite {
  readonly id: string
  readonly text: string
  /** IDs under which it is found too. */
  readonly items: readonly string[]
  /** Version that it replaces, 0 for a new document; absent if any may be replaced. */
  readonly after?: number | undefined
}

/** `conflict`: the server has another version. `full`: the document is larger than all may be together. */
export type DocumentResult = 'kept' | 'conflict' | 'full' | 'away'

/** How much the server keeps for all replicas. */
export interface DocumentLimits {
  readonly maxDocuments: number
  readonly maxBytes: number
  /** Milliseconds without use after which a document expires; 0: as late as possible. */
  readonly ttlMs: number
}

export const documentReadTopic: Topic<DocumentQuery, DocumentAnswer> = 'cluster.documents.read'
export const documentWriteTopic: Topic<DocumentWrite, DocumentResult> = 'cluster.documents.write'
/** The answer is undefined if the server cannot be used, and else whether it had the document. */
export const documentDeleteTopic: Topic<string, boolean | undefined> = 'cluster.documents.delete'
/** Documents that another replica has deleted. */
export const documentsDeletedTopic: Topic<readonly string[]> = 'cluster.documents.deleted'
/** This replica has become a member again: what could not be written can be written now. */
export const documentsReturnedTopic: Topic<null> = 'cluster.documents.returned'
/** Takes the turn of a name; the answer is false if another replica has it, and undefined if the server is away. */
export const turnTakeTopic: Topic<string, boolean | undefined> = 'cluster.turns.take'
export const turnEndTopic: Topic<string> = 'cluster.turns.end'
