/** A comment, so that no proxy between here and the client takes the connection for dead. */
export const keepAlive = ': keep-alive\n\n'

/** One server-sent event. JSON has no line break of its own, so it is one `data` line. */
export function sseMessage(event: string, data: unknown, id?: string): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
