import { asObject, isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'

/** Structured outputs: `output_config.format`, and its earlier name `output_format`; undefined if neither is set. */
export function outputFormat(request: JsonObject): JsonObject | undefined {
  const format = asObject(asObject(request.output_config)?.format) ?? request.output_format
  return isObject(format) && format.type === 'json_schema' ? format : undefined
}
