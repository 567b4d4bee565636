import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import { SseReader } from '../../kernel/stream/sse-reader.ts'
import { isObject, type JsonObject, parseObject } from './json.ts'
import { SentSpace } from './sent-space.ts'
import type { StreamIdentity } from './sent-text.ts'

/** What the client has of the stream that is continued. */
export interface SentStream {
  readonly identity: StreamIdentity
  /** White space at the end of its text. */
  readonly space: string
  /** Its tokens, about. */
  readonly tokens: number
  /** Whether the client did not ask for the usage. */
  readonly hidesUsage: boolean
}

/** Changes an event of the continuation to one of the client's stream. @returns none if the client has it already */
export type RewriteEvent = (event: JsonObject, sent: SentStream, space: SentSpace) => readonly JsonObject[]

const mark = ': continued on another endpoint\n\n'
const noBytes: Buffer = Buffer.alloc(0)
const lineFeed = 0x0a

/** The continuation of a stream, as the rest of the stream that its client reads. */
export class ContinuedStream implements AnswerTransform {
  readonly #isLines: boolean
  readonly #sent: SentStream
  readonly #rewrite: RewriteEvent
  readonly #space: SentSpace
  readonly #reader = new SseReader((data, name) => this.#event(data.toString('utf8'), name))
  #line: Buffer[] = []
  #out: string

  constructor(isLines: boolean, sent: SentStream, rewrite: RewriteEvent) {
    this.#isLines = isLines
    this.#sent = sent
    this.#rewrite = rewrite
    this.#space = new SentSpace(sent.space)
    this.#out = isLines ? '' : mark
  }

  push(chunk: Buffer): Buffer {
    if (this.#isLines) this.#lines(chunk)
    else this.#reader.push(chunk)
    return this.#take()
  }

  end(): Buffer {
    if (this.#isLines) this.#lines(Buffer.from('\n'))
    else this.#reader.end()
    return this.#take()
  }

  #lines(chunk: Buffer): void {
    let at = 0
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, at)) {
      const line = Buffer.concat([...this.#line, chunk.subarray(at, end)]).toString('utf8')
      this.#line = []
      at = end + 1
      if (line.trim() !== '') this.#event(line, '')
    }
    if (at < chunk.length) this.#line.push(chunk.subarray(at))
  }

  #take(): Buffer {
    const out = this.#out === '' ? noBytes : Buffer.from(this.#out)
    this.#out = ''
    return out
  }

  #event(data: string, name: string): void {
    const event = parseObject(data)
    if (event === undefined) {
      this.#write(data, name)
      return
    }
    for (const each of this.#rewrite(event, this.#sent, this.#space)) {
      const type = name !== '' && typeof each.type === 'string' ? each.type : name
      this.#write(JSON.stringify(each), type)
    }
  }

  #write(data: string, name: string): void {
    if (this.#isLines) this.#out += `${data}\n`
    else this.#out += `${name === '' ? '' : `event: ${name}\n`}data: ${data}\n\n`
  }
}

/** Events of a chat or of a completion. */
export function rewriteChoice(event: JsonObject, sent: SentStream, space: SentSpace): readonly JsonObject[] {
  const { usage, ...bare } = event
  const { choices } = event
  if (sent.hidesUsage && usage !== undefined && Array.isArray(choices) && choices.length === 0) return []
  if (sent.hidesUsage && usage !== undefined) return rewriteChoice(bare, sent, space)
  const { id, model, created } = sent.identity
  const summed = isObject(usage)
    ? { usage: summedUsage(usage, sent.tokens, 'prompt_tokens', 'completion_tokens') }
    : {}
  const known = { ...event, id, model, created, ...summed }
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  if (!isObject(choice)) return [known]
  const { delta, text } = choice
  const changed = { ...choice }
  let isEmpty = false
  if (typeof text === 'string') {
    const rest = space.push(text)
    Object.assign(changed, { text: rest })
    isEmpty = rest === ''
  } else if (isObject(delta)) {
    const { role: _role, content, ...others } = delta
    const rest = typeof content === 'string' ? space.push(content) : undefined
    Object.assign(changed, {
      delta: rest === undefined || rest === '' ? others : { content: rest, ...others },
    })
    isEmpty = (rest === undefined || rest === '') && Object.values(others).every((each) => !each)
  }
  if (isEmpty && !choice.finish_reason && !isObject(usage)) return []
  return [{ ...known, choices: [changed] }]
}

/** Events of a message. Its first block is open. */
export function rewriteBlock(event: JsonObject, sent: SentStream, space: SentSpace): readonly JsonObject[] {
  const { type, index, content_block: block, delta, usage } = event
  switch (type) {
    case 'message_start':
      return []
    case 'content_block_start':
      return index === 0 && isObject(block) && block.type === 'text' ? [] : [event]
    case 'content_block_delta': {
      if (index !== 0 || !isObject(delta) || typeof delta.text !== 'string') return [event]
      const text = space.push(delta.text)
      return text === '' ? [] : [{ ...event, delta: { ...delta, text } }]
    }
    case 'message_delta':
      return isObject(usage)
        ? [{ ...event, usage: summedUsage(usage, sent.tokens, 'input_tokens', 'output_tokens') }]
        : [event]
    default:
      return [event]
  }
}

/** Lines of Ollama's chat. */
export function rewriteLine(event: JsonObject, sent: SentStream, space: SentSpace): readonly JsonObject[] {
  const { message, done } = event
  const summed = done === true ? summedUsage(event, sent.tokens, 'prompt_eval_count', 'eval_count') : event
  const known = { ...summed, model: sent.identity.model }
  if (!isObject(message) || typeof message.content !== 'string') return [known]
  const content = space.push(message.content)
  const { role: _role, content: _content, ...others } = message
  const isEmpty = content === '' && done !== true && Object.values(others).every((each) => !each)
  return isEmpty ? [] : [{ ...known, message: { ...message, content } }]
}

/** The prompt of the continuation contains the tokens that the client got as an answer. */
function summedUsage(usage: JsonObject, tokens: number, prompt: string, completion: string): JsonObject {
  const changed: Record<string, number> = {}
  const asked = usage[prompt]
  const generated = usage[completion]
  if (typeof asked === 'number') changed[prompt] = Math.max(0, asked - tokens)
  if (typeof generated === 'number') changed[completion] = generated + tokens
  return { ...usage, ...changed }
}
