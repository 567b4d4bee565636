import { maxModelNameBytes } from '../names/model-name.ts'
import { BodyMembers } from './body-members.ts'
import { backslash, decodeString, type JsonSpan, quote } from './json-bytes.ts'
import { KeyNames } from './key-names.ts'

export type { JsonSpan } from './json-bytes.ts'

/** What routing reads from a request body. Of a repeated key the last one counts, as in `JSON.parse`. */
export interface ScannedBody {
  /** Decoded `model`; undefined if absent or not a string. */
  readonly model: string | undefined
  readonly modelSpan: JsonSpan | undefined
  /** Whether another spelling of the key, such as `Model`, names another one: Go's servers take either. */
  readonly isModelAmbiguous: boolean
  /** The JSON type of a `model` that is neither a string nor null. */
  readonly wrongModelType: string | undefined
  /** The value of `name`, which is Ollama's older word for the model. */
  readonly nameSpan: JsonSpan | undefined
  /** Whether `stream` is literally `true`; undefined if absent. */
  readonly stream: boolean | undefined
  /** The value of `stream_options`. */
  readonly streamOptions: JsonSpan | undefined
  /** Where the last member ends: another one can be put in there. */
  readonly lastEnd: number
  /** Bytes of `messages`, `prompt`, `input` and `system` together. */
  readonly promptBytes: number
  /** Keys whose presence says what a model must be able to. */
  readonly keys: BodyKeys
}

/** Present and neither null, false nor empty. */
export interface BodyKeys {
  readonly tools: boolean
  readonly responseFormat: boolean
  readonly images: boolean
}

/** With its quotes. */
const modelKeyLength = 7
const letterM = 0x6d
/** Makes a letter of ASCII a small one. */
const lowerCase = 0x20
const noKeys: BodyKeys = { tools: false, responseFormat: false, images: false }
/** Keys that are looked at, and what they are looked at for. */
const readKeys = new KeyNames<'model' | 'name' | 'stream' | 'streamOptions' | 'prompt' | keyof BodyKeys>([
  ['model', 'model'],
  ['name', 'name'],
  ['stream', 'stream'],
  ['stream_options', 'streamOptions'],
  ['messages', 'prompt'],
  ['prompt', 'prompt'],
  ['input', 'prompt'],
  ['system', 'prompt'],
  ['tools', 'tools'],
  ['functions', 'tools'],
  ['response_format', 'responseFormat'],
  ['format', 'responseFormat'],
  ['images', 'images'],
])

/**
 * Finds the top-level keys that routing needs without parsing the rest: the cost is that of skipping
 * strings, which `Buffer.indexOf` does at memory speed. It does not validate what it skips.
 * @returns undefined where the bytes cannot be a JSON object
 */
export function scanBody(body: Buffer): ScannedBody | undefined {
  const members = new BodyMembers(body)
  let modelSpan: JsonSpan | undefined
  let model: string | undefined
  let wrongModelType: string | undefined
  let otherSpan: JsonSpan | undefined
  let nameSpan: JsonSpan | undefined
  let stream: boolean | undefined
  let streamOptions: JsonSpan | undefined
  let promptBytes = 0
  let keys = noKeys
  while (members.next()) {
    const key = members.find(readKeys)
    const { start, end } = members
    if (key === undefined) {
      if (isModelKey(body, members.keyStart, members.keyEnd) && body[start] === quote)
        otherSpan = { start, end }
      continue
    }
    if (key === 'model') {
      modelSpan = body[start] === quote ? { start, end } : undefined
      model = modelSpan === undefined ? undefined : nameAt(body, start, end)
      wrongModelType = modelSpan === undefined ? typeAt(body, start) : undefined
    } else if (key === 'name') {
      nameSpan = body[start] === quote ? { start, end } : undefined
    } else if (key === 'stream') {
      stream = end - start === 4 && body.toString('latin1', start, end) === 'true'
    } else if (key === 'streamOptions') {
      streamOptions = { start, end }
    } else if (key === 'prompt') {
      promptBytes += end - start
    } else {
      keys = { ...keys, [key]: isMeant(body, start, end) }
    }
  }
  const { end: lastEnd } = members
  if (!members.isWhole) return undefined
  const other = otherSpan === undefined ? undefined : nameAt(body, otherSpan.start, otherSpan.end)
  const isModelAmbiguous = other !== undefined && model !== undefined && other !== model
  if (model === undefined && other !== undefined) {
    model = other
    modelSpan = otherSpan
  }
  return {
    model,
    modelSpan,
    isModelAmbiguous,
    wrongModelType,
    nameSpan,
    stream,
    streamOptions,
    lastEnd,
    promptBytes,
    keys,
  }
}

/** A name; of one that is too long so much that this can be seen. */
export function nameAt(body: Buffer, start: number, end: number): string | undefined {
  return end - start > maxModelNameBytes
    ? body.toString('latin1', start, start + maxModelNameBytes)
    : decodeString(body, start, end)
}

/** `model` in another spelling: Go's JSON decoder compares keys without case, and so Ollama takes it. */
function isModelKey(body: Buffer, start: number, end: number): boolean {
  const length = end - start
  const first = body[start + 1] ?? 0
  // Each character may be escaped, in up to six.
  if (length < modelKeyLength || length > 6 * modelKeyLength) return false
  if (length === modelKeyLength ? (first | lowerCase) !== letterM : !hasBackslash(body, start, end))
    return false
  return decodeString(body, start, end)?.toLowerCase() === 'model'
}

function hasBackslash(body: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end && body[at] !== backslash) at++
  return at < end
}

/** @returns undefined for null */
function typeAt(body: Buffer, start: number): string | undefined {
  switch (String.fromCharCode(body[start] ?? 0)) {
    case 'n':
      return undefined
    case '[':
      return 'array'
    case '{':
      return 'object'
    case 't':
    case 'f':
      return 'boolean'
    default:
      return 'number'
  }
}

/** Whether a value asks for something: not null, false, empty, or a list of nothing. */
function isMeant(body: Buffer, start: number, end: number): boolean {
  if (end - start > 5) return true
  const text = body.toString('latin1', start, end).replace(/\s/g, '')
  return text !== 'null' && text !== 'false' && text !== '""' && text !== '[]' && text !== '{}'
}
