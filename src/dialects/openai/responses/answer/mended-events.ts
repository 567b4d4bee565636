import { isObject, type JsonObject, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import type { AnswerTransform } from '../../../../kernel/stream/answer-transform.ts'
import { SseReader } from '../../../../kernel/stream/sse-reader.ts'

const noBytes: Buffer = Buffer.alloc(0)
const numberKey = '"sequence_number"'
const lineFeed = 0x0a
const colon = 0x3a
/** More items than any answer has. */
const maxItems = 10_000

/** The first event holds an empty response; a stream that begins otherwise passes unchanged. */
const maxFirstBytes = 65_536

interface Item {
  readonly index: number
  parts: number
}

/**
 * Adds what events of the Responses API lack although its clients require it: numbers of events, items and parts, and
 * the list of the output (llama.cpp sends none of them). A stream whose first event has a number passes unchanged.
 */
export class MendedEvents implements AnswerTransform {
  readonly #model: string
  readonly #createdAt: number
  readonly #reader = new SseReader((data, name) => this.#event(data, name))
  readonly #items = new Map<string, Item>()
  #isMended: boolean | undefined
  /** Bytes before the first event is complete. */
  #held: Buffer = noBytes
  #out = ''
  #sequence = 0
  #isBetweenEvents = true

  /** @param model for events that name none @param createdAt in seconds */
  constructor(model: string, createdAt: number) {
    this.#model = model
    this.#createdAt = createdAt
  }

  push(chunk: Buffer): Buffer {
    if (this.#isMended === false) return chunk
    if (this.#isMended === undefined) {
      this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
      this.#isMended = needsMending(this.#held)
      if (this.#isMended === undefined) return noBytes
      const held = this.#held
      this.#held = noBytes
      return this.push(held)
    }
    // Comments keep a waiting client connected.
    if (this.#isBetweenEvents && chunk[0] === colon && !chunk.includes('data:')) return chunk
    this.#reader.push(chunk)
    this.#isBetweenEvents = chunk.at(-1) === lineFeed && chunk.at(-2) === lineFeed
    return this.#take()
  }

  end(): Buffer {
    if (this.#isMended !== true) return this.#held
    this.#reader.end()
    return this.#take()
  }

  #take(): Buffer {
    const out = this.#out
    this.#out = ''
    return out === '' ? noBytes : Buffer.from(out)
  }

  #event(data: Buffer, name: string): void {
    const text = data.toString('utf8')
    const value = parsed(text)
    const type = typeof value?.type === 'string' ? value.type : name
    if (value !== undefined) this.#addPart(value, type)
    const mended =
      value === undefined || !type.startsWith('response.')
        ? text.replaceAll('\n', '\ndata: ')
        : JSON.stringify(this.#mended(value, type))
    this.#out += `${name === '' ? '' : `event: ${name}\n`}data: ${mended}\n\n`
  }

  /** Announces a part that begins with its text, as thoughts do. */
  #addPart(value: JsonObject, type: string): void {
    const id = textField(value, 'item_id')
    const [, kind] = /^response\.(output_text|reasoning_text)\.delta$/.exec(type) ?? []
    if (id === undefined || kind === undefined || this.#item(id).parts > 0) return
    const added = 'response.content_part.added'
    const part = kind === 'output_text' ? { type: kind, text: '', annotations: [] } : { type: kind, text: '' }
    const event = this.#mended({ type: added, item_id: id, part }, added)
    this.#out += `event: ${added}\ndata: ${JSON.stringify(event)}\n\n`
  }

  #mended(value: JsonObject, type: string): JsonObject {
    const sequence = { sequence_number: this.#sequence++ }
    const response = objectField(value, 'response')
    if (response !== undefined) return { ...sequence, ...value, response: this.#response(response) }
    const item = objectField(value, 'item')
    if (item !== undefined)
      return { ...sequence, output_index: this.#item(textField(item, 'id')).index, ...value }
    const id = textField(value, 'item_id')
    if (id === undefined) return { ...sequence, ...value }
    const of = this.#item(id)
    if (type === 'response.content_part.added') of.parts++
    const place = partPlace(type)
    return {
      ...sequence,
      output_index: of.index,
      ...(place === undefined ? {} : { [place]: Math.max(of.parts - 1, 0) }),
      ...(type.startsWith('response.output_text.') ? { logprobs: [] } : {}),
      ...value,
    }
  }

  #response(response: JsonObject): JsonObject {
    return { created_at: this.#createdAt, model: this.#model, output: [], ...response }
  }

  #item(id = ''): Item {
    const known = this.#items.get(id)
    if (known !== undefined) return known
    const item = { index: this.#items.size, parts: 0 }
    if (this.#items.size < maxItems) this.#items.set(id, item)
    return item
  }
}

/** @returns undefined until the first event is complete */
function needsMending(bytes: Buffer): boolean | undefined {
  const begin = bytes.indexOf('"response.')
  const end = begin < 0 ? -1 : Math.max(bytes.indexOf('\n\n', begin), bytes.indexOf('\n\r\n', begin))
  if (end < 0) return bytes.length > maxFirstBytes ? false : undefined
  return !bytes.subarray(0, end).includes(numberKey)
}

/** Which index says where in its item an event belongs. */
function partPlace(type: string): string | undefined {
  if (/^response\.(?:content_part|output_text|refusal|reasoning_text)\./.test(type)) return 'content_index'
  return type.startsWith('response.reasoning_summary_') ? 'summary_index' : undefined
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
