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

const noTools: WrittenTools = { fields: {}, toolNames: [], originalNames: undefined }

/** Writes `tools` and `tool_choice`. Tools that only the client's own server can run are left out. */
export function messagesTools(
  { tools, toolChoice, settings }: Conversation,
  { traits }: FormatTarget,
): WrittenTools {
  if (tools.length === 0 && toolChoice === undefined) return noTools
  const maxLength = toolNameLength(traits.maxToolNameLength)
  const offered = offeredByChoice(tools, toolChoice)
  const names = offered.map(({ name }) => name)
  const choice = choiceField(toolChoice, names, settings.parallelCalls, maxLength)
  return {
    fields:
      offered.length === 0 ? {} : { tools: offered.map((tool) => writtenTool(tool, maxLength)), ...choice },
    toolNames: names.map((name) => strictName(name, maxLength)),
    originalNames: changedNames(names, maxLength),
  }
}

function writtenTool(tool: OfferedTool, maxLength: number): JsonObject {
  const description = tool.kind === 'custom' ? customToolDescription(tool) : tool.description
  return {
    name: strictName(tool.name, maxLength),
    ...(description === undefined || description === '' ? {} : { description }),
    input_schema: tool.kind === 'custom' ? customToolSchema : objectSchema(tool.schema),
    ...(tool.kind === 'function' && tool.isStrict ? { strict: true } : {}),
  }
}

/** `input_schema.type` is required and is always `object`. */
function objectSchema(schema: JsonObject = {}): JsonObject {
  if (schema.type === 'object') return schema
  return Object.keys(schema).length === 0 ? { type: 'object', properties: {} } : { ...schema, type: 'object' }
}

function choiceField(
  choice: ToolChoice | undefined,
  names: readonly string[],
  parallelCalls: boolean | undefined,
  maxLength: number,
): JsonObject {
  const parallel = parallelCalls === false ? { disable_parallel_tool_use: true } : {}
  if (choice === undefined)
    return parallelCalls === false ? { tool_choice: { type: 'auto', ...parallel } } : {}
  switch (choice.mode) {
    case 'none':
      return { tool_choice: { type: 'none' } }
    case 'required':
      return { tool_choice: { type: 'any', ...parallel } }
    case 'tool':
      // A tool that was left out cannot be called.
      return names.includes(choice.name)
        ? { tool_choice: { type: 'tool', name: strictName(choice.name, maxLength), ...parallel } }
        : { tool_choice: { type: 'auto', ...parallel } }
    case 'allowed':
      return { tool_choice: { type: choice.isRequired ? 'any' : 'auto', ...parallel } }
    default:
      return { tool_choice: { type: 'auto', ...parallel } }
  }
}
