import type { MessageWriter } from '../shared/message-shape.ts'
import { CallArguments } from './call-arguments.ts'

/** Characters that may wait for a block before them to end: a few whole files. */
const maxHeldLength = 8_388_608
/** Of white space that may begin a text. */
const maxBlankLength = 4_096

interface TextBlock {
  readonly kind: 'text' | 'thinking'
  held: string
}

/** A tool call on its way. */
export interface ToolBlock {
  readonly kind: 'tool_use'
  readonly args: CallArguments
  /** As the endpoint gave it; '' where it has not. */
  id: string
  name: string
  held: string
  isClosed: boolean
}

type Block = TextBlock | ToolBlock

/** What the client gets to see of a call. */
export interface CallNaming {
  id(given: string): string
  name(given: string): string
  /** Whether a name is whole: nothing more of it can come. */
  isWhole(name: string): boolean
}

/**
 * Puts what may come interleaved into blocks one after the other, as Anthropic's streams have them: one block is
 * open and its pieces pass at once; those of later ones wait until it is done. A call begins when its name is known
 * to be whole, at the latest with its arguments, and is done when they are complete; text is done when something else begins.
 */
export class BlockSequence {
  readonly #writer: MessageWriter
  readonly #naming: CallNaming
  readonly #waiting: Block[] = []
  #open: Block | undefined
  /** Blank text that would begin a block: Anthropic's blocks have something in them. */
  #blank: TextBlock | undefined
  #index = -1
  #hasToolUse = false
  /** Characters that wait. */
  #heldLength = 0
  #hasHalfCall = false

  constructor(writer: MessageWriter, naming: CallNaming) {
    this.#writer = writer
    this.#naming = naming
  }

  get hasToolUse(): boolean {
    return this.#hasToolUse
  }

  /** Whether more waits for a block that does not end than is worth its memory. */
  get isTooMuch(): boolean {
    return this.#heldLength > maxHeldLength
  }

  /** Whether the arguments of a call end in the middle: the client has got half an object. */
  get hasHalfCall(): boolean {
    return this.#hasHalfCall
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
    // What has been held so far is blank.
    this.#blank = piece.trim() === '' ? block : undefined
    if (this.#blank === undefined) {
      this.#heldLength += held.length
      this.#enqueue(block)
    } else if (held.length > maxBlankLength) this.#blank = { kind, held: held.slice(0, maxBlankLength) }
  }

  /** A call begins; its arguments follow. */
  startCall(id: string, name: string): ToolBlock {
    const block: ToolBlock = {
      kind: 'tool_use',
      args: new CallArguments(),
      id,
      name,
      held: '',
      isClosed: false,
    }
    this.#blank = undefined
    this.#enqueue(block)
    return block
  }

  /** @param piece of the arguments' JSON */
  callPiece(block: ToolBlock, piece: string): void {
    if (block.isClosed) return
    const before = block.args.heldLength
    const passed = block.args.push(piece)
    this.#heldLength += block.args.heldLength - before
    if (passed !== '') this.#append(block, passed)
    this.#advance()
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
    if (block === this.#open) {
      this.#writer.append(this.#index, block.kind, piece)
    } else {
      block.held += piece
      this.#heldLength += piece.length
    }
  }

  #advance(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || (next.kind === 'tool_use' && !this.#canBegin(next))) return
      if (this.#open?.kind === 'tool_use' && !this.#open.args.isComplete) return
      this.#waiting.shift()
      this.#close()
      this.#begin(next)
    }
  }

  /** A name may come in pieces as long as nothing has come behind it. */
  #canBegin({ name, args }: ToolBlock): boolean {
    if (name === '') return false
    return args.isFlowing || (args.isComplete && this.#waiting.length > 1) || this.#naming.isWhole(name)
  }

  #begin(block: Block): void {
    this.#open = block
    this.#index++
    if (block.kind === 'tool_use') {
      this.#hasToolUse = true
      const id = this.#naming.id(block.id)
      this.#writer.open(this.#index, { kind: block.kind, id, name: this.#naming.name(block.name) })
    } else {
      this.#writer.open(this.#index, { kind: block.kind })
    }
    if (block.held === '') return
    this.#writer.append(this.#index, block.kind, block.held)
    this.#heldLength -= block.held.length
    block.held = ''
  }

  #close(): void {
    const block = this.#open
    if (block === undefined) return
    this.#open = undefined
    if (block.kind === 'tool_use') {
      block.isClosed = true
      this.#heldLength -= block.args.heldLength
      if (block.args.isFlowing && !block.args.isComplete) this.#hasHalfCall = true
      const rest = block.args.end()
      if (rest !== '') this.#writer.append(this.#index, block.kind, rest)
    }
    this.#writer.close(this.#index, block.kind)
  }
}
