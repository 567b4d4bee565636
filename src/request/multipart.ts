/** A model's name is short: a longer field is something else. */
const longestName = 512

/**
 * The value of a text field of a multipart form (RFC 7578), found by its boundary; file parts are skipped as
 * bytes.
 */
export function multipartField(body: Buffer, contentType: string, field: string): string | undefined {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  const delimiter = Buffer.from(`--${boundary?.[1] ?? boundary?.[2] ?? ''}`)
  if (delimiter.length === 2) return undefined
  let at = body.indexOf(delimiter)
  while (at >= 0) {
    const head = at + delimiter.length
    const headEnd = body.indexOf('\r\n\r\n', head)
    if (headEnd < 0) return undefined
    const next = body.indexOf(delimiter, headEnd)
    if (isField(body.toString('latin1', head, headEnd), field)) {
      // The line break before a delimiter belongs to the delimiter.
      const end = (next < 0 ? body.length : next) - 2
      const start = headEnd + 4
      return end - start > longestName ? undefined : body.toString('utf8', start, Math.max(start, end))
    }
    at = next
  }
  return undefined
}

function isField(head: string, field: string): boolean {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? ''
  if (/;\s*filename/i.test(disposition)) return false
  const name = /;\s*name=(?:"([^"]*)"|([^;\s]+))/i.exec(disposition)
  return (name?.[1] ?? name?.[2]) === field
}
