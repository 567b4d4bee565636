/** Server-sent events, or one JSON text per line. */
export type StreamFraming = 'sse' | 'ndjson'
