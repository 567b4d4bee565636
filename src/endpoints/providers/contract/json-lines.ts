/** A line of a stream that is longer than this ends it. */
const maxLineChars = 4 * 1024 * 1024

/**
 * Reads a stream of JSON values, one on each line, as Kubernetes' watches and Docker's events send them.
 * @throws SyntaxError if a line is not JSON or too long; what the stream throws
 */
export async function* jsonLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let rest: string[] = []
  let restChars = 0
  for await (const bytes of stream) {
    const text = decoder.decode(bytes, { stream: true })
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const line = rest.join('') + text.slice(from, end)
      rest = []
      restChars = 0
      from = end + 1
      if (line.trim() !== '') yield JSON.parse(line)
    }
    if (from < text.length) {
      rest.push(text.slice(from))
      restChars += text.length - from
      if (restChars > maxLineChars) throw new SyntaxError('a line is too long')
    }
  }
}
