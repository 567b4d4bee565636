import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { Conversation, ToolChoice } from '../../../hub/contract/conversation.ts'
import type { FormatTarget } from '../../../hub/format.ts'
import { customToolDescription, customToolSchema } from '../../../hub/parts/custom-tool.ts'
import { type OfferedTool, offeredByChoice } from '../../../hub/parts/offered-tools.ts'
import { changedNames, strictName, toolNameLength } from '../../../hub/parts/strict-names.ts'

/** The tools of a request, and the fields that express them. */
export interface WrittenTools {
  readonly fields: JsonObject
  readonly toolNames: readonly string[]
  readonly originalNames: ReadonlyMap<string, string> | undefined
}

/**
 * Writes `tools`, `tool_choice` and `parallel_tool_calls`. All tools become functions: llama.cpp refuses a request with
 * any other type, and vLLM ignores such a tool.
 */
export function responsesTools(
  { tools, toolChoice, settings }: Conversation,
  { traits }: FormatTarget,
): WrittenTools {
  const maxLength = toolNameLength(traits.maxToolNameLength)
  const offered = offeredByChoice(tools, toolChoice)
  const names = offered.map(({ name }) => name)
  const { parallelCalls } = settings
  const fields = {
    tools: offered.map((tool) => writtenTool(tool, maxLength)),
    ...choiceField(toolChoice, names, maxLength),
    ...(parallelCalls === undefined ? {} : { parallel_tool_calls: parallelCalls }),
  }
  return {
    fields: offered.length === 0 ? {} : fields,
    toolNames: names.map((name) => strictName(name, maxLength)),
    originalNames: changedNames(names, maxLength),
  }
}

/** The API's tools are flat, and strict unless the request says otherwise. */
function writtenTool(tool: OfferedTool, maxLength: number): JsonObject {
  const description = tool.kind === 'custom' ? customToolDescription(tool) : tool.description
  return {
    type: 'function',
    name: strictName(tool.name, maxLength),
    ...(description === undefined ? {} : { description }),
    parameters:
      tool.kind === 'custom' ? customToolSchema : (tool.schema ?? { type: 'object', properties: {} }),
    strict: tool.kind === 'function' && tool.isStrict,
  }
}

function choiceField(
  choice: ToolChoice | undefined,
  names: readonly string[],
  maxLength: number,
): JsonObject {
  if (choice === undefined) return {}
  switch (choice.mode) {
    case 'tool':
      // A tool that was left out cannot be called.
      return names.includes(choice.name)
        ? { tool_choice: { type: 'function', name: strictName(choice.name, maxLength) } }
        : { tool_choice: 'auto' }
    case 'allowed':
      return { tool_choice: choice.isRequired ? 'required' : 'auto' }
    default:
      return { tool_choice: choice.mode }
  }
}
