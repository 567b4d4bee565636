/** Media in a request. */
export interface MediaParts {
  readonly image: boolean
  readonly audio: boolean
}

type Found = { image: boolean; audio: boolean }

/** Types of content parts in Chat Completions, Responses and Messages. */
const mediumOfType: Readonly<Record<string, keyof Found>> = {
  image: 'image',
  image_url: 'image',
  input_image: 'image',
  input_audio: 'audio',
  audio_url: 'audio',
}

/**
 * Finds images and audio in the places that the APIs define. A tool schema or a quoted text may contain the same keys,
 * so this reads the structure. It parses the whole body, so call it only if the body contains such keys.
 */
export function readMediaParts(body: Buffer): MediaParts {
  const found = { image: false, audio: false }
  let document: unknown
  try {
    document = JSON.parse(body.toString('utf8'))
  } catch {
    return found
  }
  if (!isObject(document)) return found
  // Ollama's `/api/generate`.
  if (isFilled(document.images)) found.image = true
  for (const list of [document.messages, document.input]) {
    if (!Array.isArray(list)) continue
    for (const message of list) readMessage(message, found)
  }
  return found
}

function readMessage(message: unknown, found: Found): void {
  if (!isObject(message)) return
  // Ollama's `/api/chat`.
  if (isFilled(message.images)) found.image = true
  readParts([message], found)
  readParts(message.content, found)
  readParts(message.output, found)
}

function readParts(parts: unknown, found: Found): void {
  if (!Array.isArray(parts)) return
  for (const part of parts) {
    if (!isObject(part)) continue
    const medium = typeof part.type === 'string' ? mediumOfType[part.type] : undefined
    if (medium !== undefined) found[medium] = true
    // A tool result has its own content.
    if (part.type !== 'tool_result' || !Array.isArray(part.content)) continue
    for (const inner of part.content) if (isObject(inner) && inner.type === 'image') found.image = true
  }
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.some((item) => item !== null && item !== '')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
