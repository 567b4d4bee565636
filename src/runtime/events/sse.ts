/** A comment that keeps proxies from closing an idle connection. */
export const keepAlive = ': keep-alive\n\n'

/** Formats one server-sent event. JSON has no raw line breaks, so it fits one `data` line. */
export function sseMessage(event: string, data: unknown, id?: string): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
