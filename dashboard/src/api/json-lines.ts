/** Maximum length of a line: a longer one is the sender's mistake and must not fill the memory. */
const maxLineLength = 4_194_304

/** Yields the lines of a body in the shape of server-sent events; ends with it, and cancels it if the caller stops. */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ readonly event: string; readonly data: string }> {
  const text = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      const lines = (rest + text.decode(value, { stream: !done })).split('\n')
      rest = done ? '' : (lines.pop() ?? '')
      if (rest.length > maxLineLength) throw new Error('a line is too long')
      for (const line of lines) if (line.trim() !== '') yield { event: 'message', data: line.trim() }
      if (done) return
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
