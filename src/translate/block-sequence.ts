import { JsonProgress } from './json-progress.ts'
import type { MessageWriter } from './message-shape.ts'

/** Which call a piece belongs to: the index of the chat API, or whatever tells calls apart. */
export type CallKey = number | string

interface TextBlock {
  readonly kind: 'text' | 'thinking'
  held: string
}

interface ToolBlock {
  readonly kind: 'tool_use'
  readonly progress: JsonProgress
  id: string
  name: string
  held: string
  isClosed: boolean
}

type Block = TextBlock | ToolBlock

/**
 * Puts what may come interleaved into blocks one after the other, as Anthropic's streams have them: one block is
 * open and its pieces pass at once; those of later ones wait until it is done. A call is done when its arguments
 * are a complete JSON object, text when something else begins.
 */
export class BlockSequence {
  readonly #writer: MessageWriter
  readonly #newCallId: () => string
  readonly #waiting: Block[] = []
  readonly #calls = new Map<CallKey, ToolBlock>()
  #open: Block | undefined
  /** Blank text that would begin a block: Anthropic's blocks have something in them. */
  #blank: TextBlock | undefined
  #index = -1
  #hasToolUse = false

  constructor(writer: MessageWriter, newCallId: () => string) {
    this.#writer = writer
    this.#newCallId = newCallId
  }

  get hasToolUse(): boolean {
    return this.#hasToolUse
  }

  text(kind: 'text' | 'thinking', piece: string): void {
    if (piece === '') return
    const last = this.#waiting.at(-1) ?? this.#open
    if (last?.kind === kind) {
      this.#append(last, piece)
      return
    }
    const held = this.#blank?.kind === kind ? this.#blank.held + piece : piece
    const block = { kind, held }
    this.#blank = held.trim() === '' ? block : undefined
    if (this.#blank === undefined) this.#enqueue(block)
  }

  /**
   * A piece of a call. The first with a name begins it; another ID under the same key begins another call.
   * @param piece of the arguments' JSON
   */
  call(key: CallKey, id: string, name: string, piece: string): void {
    let block = this.#calls.get(key)
    if (block === undefined || (id !== '' && name !== '' && block.id !== '' && block.id !== id)) {
      block = { kind: 'tool_use', progress: new JsonProgress(), id, name, held: '', isClosed: false }
      this.#calls.set(key, block)
      this.#blank = undefined
      this.#enqueue(block)
    }
    if (block.id === '') block.id = id
    if (block.name === '') block.name = name
    if (piece !== '' && !block.isClosed) {
      block.progress.push(piece)
      this.#append(block, piece)
    }
    this.#advance()
  }

  /** The key of the call that the last piece went to. */
  get lastKey(): CallKey | undefined {
    return [...this.#calls.keys()].at(-1)
  }

  /** Nothing more comes: everything that waits is written, complete or not. */
  finish(): void {
    for (;;) {
      const next = this.#waiting.shift()
      this.#close()
      if (next === undefined) return
      // A call without a name is none.
      if (next.kind !== 'tool_use' || next.name !== '') this.#begin(next)
    }
  }

  #enqueue(block: Block): void {
    this.#waiting.push(block)
    this.#advance()
  }

  #append(block: Block, piece: string): void {
    if (block === this.#open) this.#writer.append(this.#index, block.kind, piece)
    else block.held += piece
  }

  #advance(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || (next.kind === 'tool_use' && next.name === '')) return
      if (this.#open?.kind === 'tool_use' && !this.#open.progress.isComplete) return
      this.#waiting.shift()
      this.#close()
      this.#begin(next)
    }
  }

  #begin(block: Block): void {
    this.#open = block
    this.#index++
    if (block.kind === 'tool_use') {
      this.#hasToolUse = true
      if (block.id === '') block.id = this.#newCallId()
      this.#writer.open(this.#index, { kind: block.kind, id: block.id, name: block.name })
    } else {
      this.#writer.open(this.#index, { kind: block.kind })
    }
    if (block.held !== '') this.#writer.append(this.#index, block.kind, block.held)
  }

  #close(): void {
    const block = this.#open
    if (block === undefined) return
    this.#open = undefined
    if (block.kind === 'tool_use') {
      block.isClosed = true
      // Clients parse what they have gathered: nothing is no JSON.
      if (block.progress.isUntouched) this.#writer.append(this.#index, block.kind, '{}')
    }
    this.#writer.close(this.#index, block.kind)
  }
}
