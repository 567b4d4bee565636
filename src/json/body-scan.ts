/** A value inside a JSON text, as byte offsets: `end` is exclusive, a string includes its quotes. */
export interface JsonSpan {
  readonly start: number
  readonly end: number
}

/** What routing reads from a request body. Of a repeated key the last one counts, as in `JSON.parse`. */
export interface ScannedBody {
  /** Decoded `model`; undefined if absent or not a string. */
  readonly model: string | undefined
  readonly modelSpan: JsonSpan | undefined
  /** Whether `stream` is literally `true`; undefined if absent. */
  readonly stream: boolean | undefined
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

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

const noKeys: BodyKeys = { tools: false, responseFormat: false, images: false }
const absent: ScannedBody = {
  model: undefined,
  modelSpan: undefined,
  stream: undefined,
  promptBytes: 0,
  keys: noKeys,
}

/** Keys that are looked at, and what they are looked at for. */
const readKeys = new Map<string, 'model' | 'stream' | 'prompt' | keyof BodyKeys>([
  ['model', 'model'],
  ['stream', 'stream'],
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
const longestKey = 15

/**
 * Finds the top-level keys that routing needs without parsing the rest: the cost is that of skipping
 * strings, which `Buffer.indexOf` does at memory speed. It does not validate what it skips.
 * @returns undefined where the bytes cannot be a JSON object
 */
export function scanBody(body: Buffer): ScannedBody | undefined {
  const length = body.length
  let at = skipSpace(body, 0)
  if (at >= length) return undefined
  if (body[at] !== openBrace) return undefined
  at = skipSpace(body, at + 1)
  if (body[at] === closeBrace) return skipSpace(body, at + 1) === length ? absent : undefined

  let modelSpan: JsonSpan | undefined
  let model: string | undefined
  let stream: boolean | undefined
  let promptBytes = 0
  let keys = noKeys
  for (;;) {
    if (body[at] !== quote) return undefined
    const keyStart = at
    at = skipString(body, at)
    if (at < 0) return undefined
    const key = keyOf(body, keyStart, at)
    at = skipSpace(body, at)
    if (body[at] !== colon) return undefined
    at = skipSpace(body, at + 1)
    const start = at
    at = skipValue(body, at)
    if (at < 0) return undefined
    if (key === 'model') {
      modelSpan = body[start] === quote ? { start, end: at } : undefined
      model = modelSpan === undefined ? undefined : decodeString(body, start, at)
    } else if (key === 'stream') {
      stream = at - start === 4 && body.toString('latin1', start, at) === 'true'
    } else if (key === 'prompt') {
      promptBytes += at - start
    } else if (key !== undefined) {
      keys = { ...keys, [key]: isMeant(body, start, at) }
    }
    at = skipSpace(body, at)
    if (body[at] === closeBrace) {
      return skipSpace(body, at + 1) === length ? { model, modelSpan, stream, promptBytes, keys } : undefined
    }
    if (body[at] !== comma) return undefined
    at = skipSpace(body, at + 1)
  }
}

/** What a key is looked at for, if at all; keys with escapes are decoded first. */
function keyOf(body: Buffer, start: number, end: number): ReturnType<typeof readKeys.get> {
  const hasEscape = body.subarray(start, end).includes(backslash)
  if (!hasEscape && end - start - 2 > longestKey) return undefined
  const text = hasEscape ? decodeString(body, start, end) : body.toString('latin1', start + 1, end - 1)
  return text === undefined ? undefined : readKeys.get(text)
}

/** Whether a value asks for something: not null, false, empty, or a list of nothing. */
function isMeant(body: Buffer, start: number, end: number): boolean {
  if (end - start > 5) return true
  const text = body.toString('latin1', start, end).replace(/\s/g, '')
  return text !== 'null' && text !== 'false' && text !== '""' && text !== '[]' && text !== '{}'
}

function decodeString(body: Buffer, start: number, end: number): string | undefined {
  const text = body.toString('utf8', start, end)
  if (!text.includes('\\')) return text.slice(1, -1)
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

function skipSpace(body: Buffer, from: number): number {
  let at = from
  for (;;) {
    const byte = body[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
    at++
  }
}

/** From an opening quote to behind the closing one; -1 if the string does not end. */
function skipString(body: Buffer, from: number): number {
  let at = from + 1
  // Short strings are cheaper to walk than to hand to indexOf (keys, roles, ids).
  const near = Math.min(body.length, at + 24)
  while (at < near) {
    const byte = body[at]
    if (byte === quote) return at + 1
    at += byte === backslash ? 2 : 1
  }
  for (;;) {
    const end = body.indexOf(quote, at)
    if (end < 0) return -1
    let backslashes = 0
    while (end - 1 - backslashes >= at && body[end - 1 - backslashes] === backslash) backslashes++
    if (backslashes % 2 === 0) return end + 1
    at = end + 1
  }
}

/** From the first byte of a value to behind its last; -1 if there is none. */
function skipValue(body: Buffer, from: number): number {
  const first = body[from]
  if (first === quote) return skipString(body, from)
  if (first === openBrace || first === openBracket) return skipNested(body, from)
  let at = from
  for (;;) {
    const byte = body[at]
    if (
      byte === undefined ||
      byte === comma ||
      byte === closeBrace ||
      byte === closeBracket ||
      byte <= 0x20 ||
      byte === quote ||
      byte === colon
    ) {
      return at > from ? at : -1
    }
    at++
  }
}

function skipNested(body: Buffer, from: number): number {
  let depth = 0
  let at = from
  const length = body.length
  while (at < length) {
    const byte = body[at]
    if (byte === quote) {
      at = skipString(body, at)
      if (at < 0) return -1
      continue
    }
    at++
    if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) {
      depth--
      if (depth === 0) return at
    }
  }
  return -1
}
