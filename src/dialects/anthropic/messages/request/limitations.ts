import { isAtLeast } from '../../../../endpoints/profiles/server-version.ts'
import { type JsonObject, listField, objectField } from '../../../../kernel/json/json-fields.ts'
import { outputFormat } from './output-format.ts'

/**
 * Whether an endpoint's own Messages route supports what a request needs.
 * @param limitations of its profile, with Olla's names; `name<version` no longer applies from that version on
 * @param request parses the body
 */
export function supportsRequest(
  limitations: readonly string[],
  version: string | undefined,
  body: Buffer,
  request: () => JsonObject,
): boolean {
  return limitations.every((limitation) => {
    const [name, fixedIn] = limitation.split('<', 2)
    if (fixedIn !== undefined && isAtLeast(version, fixedIn)) return true
    switch (name) {
      case 'no_tool_use':
        return listField(request(), 'tools').length === 0
      case 'no_streamed_tools':
        return (
          !body.includes('"stream"') ||
          request().stream !== true ||
          listField(request(), 'tools').length === 0
        )
      case 'no_extended_thinking':
        return request().thinking === undefined
      case 'no_vision':
        return !body.includes('"image"')
      case 'no_stop_sequences':
        return !body.includes('"stop_sequences"') || listField(request(), 'stop_sequences').length === 0
      case 'no_forbidden_tools':
        return !body.includes('"none"') || objectField(request(), 'tool_choice')?.type !== 'none'
      case 'no_structured_output':
        return !body.includes('"json_schema"') || outputFormat(request()) === undefined
      default:
        return true
    }
  })
}
