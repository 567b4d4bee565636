import type { AnswerBuilder, Expected } from '../../../src/dialects/hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../../src/dialects/hub/answer/answer-reader.ts'
import {
  type AnswerTranslation,
  translateAnswer,
} from '../../../src/dialects/hub/answer/answer-translation.ts'
import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
  TokenLogprob,
} from '../../../src/dialects/hub/contract/answer.ts'

/** A block of an answer with all of its text. */
export interface RecordedBlock {
  readonly head: BlockHead
  text: string
  readonly logprobs: TokenLogprob[]
  /** The signature at the block's end. */
  signature: string
  isClosed: boolean
}

/** Records the neutral sequence of an answer and checks its grammar. */
export class Recording implements AnswerWriter {
  head: AnswerHead | undefined
  readonly blocks: RecordedBlock[] = []
  ending: AnswerEnding | undefined
  failure: AnswerFailure | undefined
  /** Every call in order, such as `append 0 text`. */
  readonly steps: string[] = []
  #signature = ''
  #pending = ''

  take(): string {
    const pending = this.#pending
    this.#pending = ''
    return pending
  }

  start(head: AnswerHead): void {
    this.#step('start')
    if (this.head !== undefined) throw new Error('two heads')
    this.head = head
  }

  open(index: number, head: BlockHead): void {
    this.#step(`open ${index} ${head.kind}`)
    if (this.head === undefined) throw new Error('a block before the head')
    if (index !== this.blocks.length) throw new Error(`block ${index} out of order`)
    if (this.blocks.at(-1)?.isClosed === false) throw new Error('two open blocks')
    this.blocks.push({ head, text: '', logprobs: [], signature: '', isClosed: false })
  }

  append(index: number, kind: BlockKind, text: string, logprobs: readonly TokenLogprob[] = []): void {
    this.#step(`append ${index} ${kind}`)
    const block = this.#block(index, kind)
    block.text += text
    block.logprobs.push(...logprobs)
  }

  close(index: number, kind: BlockKind): void {
    this.#step(`close ${index} ${kind}`)
    const block = this.#block(index, kind)
    block.isClosed = true
    if (kind === 'thinking') block.signature = this.#signature
  }

  sign(signature: string): void {
    this.#signature = signature
  }

  finish(ending: AnswerEnding): void {
    this.#step('finish')
    if (this.head === undefined) throw new Error('an ending before the head')
    if (this.blocks.at(-1)?.isClosed === false) throw new Error('an ending inside a block')
    this.ending = ending
  }

  fail(failure: AnswerFailure): void {
    this.#step('fail')
    this.failure = failure
  }

  /** The blocks as `[kind, text]`, and of calls `[name, id, arguments]`. */
  get content(): string[][] {
    return this.blocks.map(({ head, text }) =>
      head.kind === 'call' ? [head.name, head.id, text] : [head.kind, text],
    )
  }

  /** The text of all blocks of a kind. */
  textOf(kind: BlockKind): string {
    return this.blocks.map(({ head, text }) => (head.kind === kind ? text : '')).join('')
  }

  #block(index: number, kind: BlockKind): RecordedBlock {
    const block = this.blocks[index]
    if (block === undefined || block.isClosed || index !== this.blocks.length - 1 || block.head.kind !== kind)
      throw new Error(`no open ${kind} block ${index}`)
    return block
  }

  #step(step: string): void {
    if (this.ending !== undefined || this.failure !== undefined) throw new Error(`${step} after the end`)
    this.steps.push(step)
    this.#pending += '.'
  }
}

export type ReadAnswer = (builder: AnswerBuilder) => AnswerReader

export function expected(given: Partial<Expected> = {}): Expected {
  let calls = 0
  return {
    model: 'asked',
    keepsModel: true,
    stopSequences: [],
    dropsThinking: false,
    promptTokens: 7,
    newCallId: () => `new_${++calls}`,
    callIds: [],
    toolNames: [],
    reasoningField: 'none',
    endpointMark: '',
    ...given,
  }
}

export interface Recorded {
  readonly answer: Recording
  readonly translation: AnswerTranslation
}

/** Reads an answer from chunks of bytes. */
export function record(
  readAnswer: ReadAnswer,
  chunks: readonly Buffer[],
  given: Partial<Expected> = {},
  from: 'sse' | 'ndjson' | 'whole' = 'sse',
): Recorded {
  const answer = new Recording()
  const translation = translateAnswer(from, { readAnswer }, answer, expected(given), false)
  for (const chunk of chunks) translation.push(chunk)
  translation.end()
  return { answer, translation }
}

/** The same of a whole JSON answer. */
export function recordWhole(readAnswer: ReadAnswer, body: object, given: Partial<Expected> = {}): Recorded {
  return record(readAnswer, [Buffer.from(JSON.stringify(body))], given, 'whole')
}

/** An event stream in which each event has the name of its type. */
export function namedEvents(events: readonly { readonly type: string }[]): Buffer {
  return Buffer.from(events.map((each) => `event: ${each.type}\ndata: ${JSON.stringify(each)}\n\n`).join(''))
}

/** What a client learns from an answer, without how it was cut into deltas. */
export function meaning({ head, content, blocks, ending, failure }: Recording) {
  return { head, content, signatures: blocks.map(({ signature }) => signature), ending, failure }
}
