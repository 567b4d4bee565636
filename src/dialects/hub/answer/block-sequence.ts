import type { AnswerSink, TokenLogprob } from '../contract/answer.ts'
import { CallArguments } from './call-arguments.ts'

/** Number of characters that may wait for an earlier block to end: a few whole files. */
const maxHeldLength = 8_388_608
/** Longest white space at the start of a text. */
const maxBlankLength = 4_096

type TextKind = 'text' | 'thinking' | 'refusal'

interface TextBlock {
  readonly kind: TextKind
  held: string
  /** Of the held text; undefined if the endpoint sends none. */
  logprobs: TokenLogprob[] | undefined
}

/** A tool call that is being received. */
export interface ToolBlock {
  readonly kind: 'call'
  readonly args: CallArguments
  /** The endpoint's ID, or '' if it sent none. */
  id: string
  name: string
  held: string
  isClosed: boolean
}

type Block = TextBlock | ToolBlock

/** The ID and name of a call for the client. */
export interface CallNaming {
  id(sentId: string): string
  name(sentName: string): string
  /** Whether a name is complete, so that no further part of it can follow. */
  isWhole(name: string): boolean
}

/**
 * Puts interleaved content into consecutive blocks. One block is open, and its content
 * passes at once; content of later blocks waits until it ends. A call starts when its name is certainly complete, at
 * the latest with its arguments, and ends when its arguments are complete. Text ends when something else starts.
 */
export class BlockSequence {
  readonly #sink: AnswerSink
  readonly #naming: CallNaming
  readonly #waiting: Block[] = []
  #open: Block | undefined
  /** Blank text at the start of a block. It is held, because Anthropic's blocks are never blank. */
  #blank: TextBlock | undefined
  #index = -1
  #hasCalls = false
  /** Number of waiting characters. */
  #heldLength = 0
  #hasPartialCall = false

  constructor(sink: AnswerSink, naming: CallNaming) {
    this.#sink = sink
    this.#naming = naming
  }

  get hasCalls(): boolean {
    return this.#hasCalls
  }

  /** Whether more text waits for an open block than its memory is worth. */
  get isOverLimit(): boolean {
    return this.#heldLength > maxHeldLength
  }

  /** Whether a call's arguments were cut off, so that the client has part of an object. */
  get hasPartialCall(): boolean {
    return this.#hasPartialCall
  }

  text(kind: TextKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (text === '') return
    const last = this.#waiting.at(-1) ?? this.#open
    if (last?.kind === kind) {
      this.#append(last, text, logprobs)
      return
    }
    const blank = this.#blank?.kind === kind ? this.#blank : undefined
    const held = blank === undefined ? text : blank.held + text
    const block = { kind, held, logprobs: joined(blank?.logprobs, logprobs) }
    // Everything held so far is blank.
    this.#blank = text.trim() === '' ? block : undefined
    if (this.#blank === undefined) {
      this.#heldLength += held.length
      this.#enqueue(block)
    } else if (held.length > maxBlankLength) this.#blank = { ...block, held: held.slice(0, maxBlankLength) }
  }

  /** Starts a call, whose arguments follow. */
  startCall(id: string, name: string): ToolBlock {
    const block: ToolBlock = {
      kind: 'call',
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

  /** @param delta part of the arguments' JSON */
  appendArguments(block: ToolBlock, delta: string): void {
    if (block.isClosed) return
    const before = block.args.heldLength
    const passed = block.args.push(delta)
    this.#heldLength += block.args.heldLength - before
    if (passed !== '') this.#append(block, passed)
    this.#advance()
  }

  /** At the end of the answer: writes everything that waits, complete or not. */
  finish(): void {
    for (;;) {
      const next = this.#waiting.shift()
      this.#close()
      if (next === undefined) return
      // Without a name there is no call.
      if (next.kind !== 'call' || next.name !== '') this.#begin(next)
    }
  }

  #enqueue(block: Block): void {
    this.#waiting.push(block)
    this.#advance()
  }

  #append(block: Block, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (block === this.#open) {
      this.#sink.append(this.#index, block.kind, text, logprobs)
    } else {
      block.held += text
      if (block.kind !== 'call') block.logprobs = joined(block.logprobs, logprobs)
      this.#heldLength += text.length
    }
  }

  #advance(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || (next.kind === 'call' && !this.#canBegin(next))) return
      if (this.#open?.kind === 'call' && !this.#open.args.isComplete) return
      this.#waiting.shift()
      this.#close()
      this.#begin(next)
    }
  }

  /** A name may continue in the next delta as long as nothing has followed it. */
  #canBegin({ name, args }: ToolBlock): boolean {
    if (name === '') return false
    return args.isFlowing || (args.isComplete && this.#waiting.length > 1) || this.#naming.isWhole(name)
  }

  #begin(block: Block): void {
    this.#open = block
    this.#index++
    if (block.kind === 'call') {
      this.#hasCalls = true
      const id = this.#naming.id(block.id)
      this.#sink.open(this.#index, { kind: block.kind, id, name: this.#naming.name(block.name) })
    } else {
      this.#sink.open(this.#index, { kind: block.kind })
    }
    if (block.held === '') return
    const logprobs = block.kind === 'call' ? undefined : block.logprobs
    this.#sink.append(this.#index, block.kind, block.held, logprobs)
    this.#heldLength -= block.held.length
    block.held = ''
  }

  #close(): void {
    const block = this.#open
    if (block === undefined) return
    this.#open = undefined
    if (block.kind === 'call') {
      block.isClosed = true
      this.#heldLength -= block.args.heldLength
      if (block.args.isFlowing && !block.args.isComplete) this.#hasPartialCall = true
      const rest = block.args.end()
      if (rest !== '') this.#sink.append(this.#index, block.kind, rest)
    }
    this.#sink.close(this.#index, block.kind)
  }
}

function joined(
  held: TokenLogprob[] | undefined,
  next: readonly TokenLogprob[] | undefined,
): TokenLogprob[] | undefined {
  if (next === undefined) return held
  if (held === undefined) return [...next]
  for (const each of next) held.push(each)
  return held
}
