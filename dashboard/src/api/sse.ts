/** One event of a `text/event-stream` (HTML standard, 9.2.6). */
export interface ServerSentEvent {
  readonly event: string
  readonly data: string
  /** The last ID that was sent, with this event or before. */
  readonly id: string
}

/** Maximum length of a line: a longer one is the sender's mistake and must not fill the memory. */
const maxLineLength = 4_194_304

/**
 * Reads a stream of server-sent events chunk by chunk, with any chunk boundaries.
 * @returns a function that takes the next text and returns the events that it completes
 */
export function sseDecoder(): (text: string) => ServerSentEvent[] {
  let rest = ''
  let endedWithReturn = false
  let isFirst = true
  let event = ''
  let data: string[] = []
  let id = ''

  return function decode(text) {
    if (text === '') return []
    let input = rest + text
    // CR LF may be split between chunks: the line has ended with the CR already.
    if (endedWithReturn && text.startsWith('\n')) input = rest + text.slice(1)
    endedWithReturn = text.endsWith('\r')
    if (isFirst && input.startsWith('\uFEFF')) input = input.slice(1)
    isFirst = false

    const lines = input.split(/\r\n|\r|\n/)
    rest = lines.pop() ?? ''
    if (rest.length > maxLineLength) throw new Error('a line of the event stream is too long')
    const events: ServerSentEvent[] = []
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0)
          events.push({ event: event === '' ? 'message' : event, data: data.join('\n'), id })
        event = ''
        data = []
      } else takeField(line)
    }
    return events
  }

  function takeField(line: string): void {
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
    if (name === 'event') event = value
    else if (name === 'data') data.push(value)
    else if (name === 'id' && !value.includes('\0')) id = value
  }
}

/**
 * Yields the events of a response's body; ends with it, throws if it breaks, cancels it if the caller stops early.
 * @param heard called for everything that arrives, comments too
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  heard: () => void = () => {},
): AsyncGenerator<ServerSentEvent> {
  const decode = sseDecoder()
  const text = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      heard()
      yield* decode(text.decode(value, { stream: true }))
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
