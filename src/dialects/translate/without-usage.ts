import type { JsonObject } from '../../kernel/json/json-fields.ts'

/** The same request, without asking for the usage of a stream. */
export function withoutUsage(body: JsonObject): JsonObject {
  if (body.stream_options === undefined) return body
  const { stream_options, ...others } = body
  return others
}
