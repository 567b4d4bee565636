import { type JsonObject, numberField, textField } from '../../../../kernel/json/json-fields.ts'

export type ItemKind = 'message' | 'reasoning' | 'call' | 'custom'

/** An item of an answer that is being received. */
export interface ReceivedItem {
  readonly kind: ItemKind
  /** Distinguishes the calls of an answer. */
  readonly index: number
  readonly hasId: boolean
  /** Index of the last part whose text has arrived, -1 before the first; of a call 0 once it has arguments. */
  part: number
  /** Whether reasoning arrives itself or as a summary: a server that sends both repeats itself. */
  source: 'text' | 'summary' | undefined
  isEnded: boolean
}

/** Maximum number of items in one answer. */
const maxItems = 10_000

/**
 * Finds the item that an event is about by its ID or its position. llama.cpp sends no positions, other servers no IDs or
 * another one in each event (vllm-project/vllm#56285), and some neither.
 */
export class ReceivedItems {
  readonly #byId = new Map<string, ReceivedItem>()
  readonly #byIndex = new Map<number, ReceivedItem>()
  readonly #last = new Map<ItemKind, ReceivedItem>()
  #count = 0

  get isOverLimit(): boolean {
    return this.#count > maxItems
  }

  get hasCalls(): boolean {
    return this.#last.has('call') || this.#last.has('custom')
  }

  /** @param id of an item or a call */
  withId(id: string): ReceivedItem | undefined {
    return this.#byId.get(id)
  }

  /** The item of an event that continues or ends it. */
  find(event: JsonObject, kind: ItemKind, id = textField(event, 'item_id') ?? ''): ReceivedItem | undefined {
    const byId = this.#byId.get(id)
    if (byId?.kind === kind) return byId
    const byIndex = this.#byIndex.get(numberField(event, 'output_index') ?? -1)
    if (byIndex?.kind === kind) return byIndex
    const last = this.#last.get(kind)
    return last !== undefined && !last.isEnded && (id === '' || !last.hasId) ? last : undefined
  }

  /** The item of an event that begins it, if another event has begun it already. */
  begun(event: JsonObject, kind: ItemKind, id: string): ReceivedItem | undefined {
    const byId = this.#byId.get(id)
    // Models give two calls the same ID.
    if (byId?.kind === kind) return byId.isEnded ? undefined : byId
    const byIndex = this.#byIndex.get(numberField(event, 'output_index') ?? -1)
    return byIndex?.kind === kind && (id === '' || !byIndex.hasId) ? byIndex : undefined
  }

  add(event: JsonObject, kind: ItemKind, id = textField(event, 'item_id') ?? '', callId = ''): ReceivedItem {
    const index = this.#count++
    const item: ReceivedItem = { kind, index, hasId: id !== '', part: -1, source: undefined, isEnded: false }
    this.#last.set(kind, item)
    if (this.isOverLimit) return item
    if (id !== '') this.#byId.set(id, item)
    if (callId !== '') this.#byId.set(callId, item)
    const position = numberField(event, 'output_index')
    if (position !== undefined) this.#byIndex.set(position, item)
    return item
  }
}

/** The kind of an item that means something to a client of another API; undefined for others, such as a web search. */
export function itemKind(type: unknown): ItemKind | undefined {
  switch (type) {
    case 'message':
    case 'reasoning':
      return type
    case 'function_call':
      return 'call'
    case 'custom_tool_call':
      return 'custom'
    default:
      return undefined
  }
}
