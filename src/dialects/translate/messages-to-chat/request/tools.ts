import { isObject, type JsonObject, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import { shortName } from '../../../hub/parts/tool-names.ts'

/** Tools that only Anthropic's servers can run. */
const runByServer =
  /^(?:web_search|web_fetch|code_execution|tool_search_tool|advisor|mcp_toolset|memory_store)(?:_|$)/

/** Translates tool definitions, without those that only Anthropic's servers can run. */
export function chatTools(tools: readonly unknown[], maxNameLength?: number): JsonObject[] {
  return tools
    .map((tool) => (isObject(tool) ? chatTool(tool, maxNameLength) : undefined))
    .filter((tool) => tool !== undefined)
}

/** The name of a tool in the form of the chat API. */
export function toolNameOf(tool: JsonObject): string {
  return textField(objectField(tool, 'function') ?? {}, 'name') ?? ''
}

function chatTool(tool: JsonObject, maxNameLength: number | undefined): JsonObject | undefined {
  const name = textField(tool, 'name')
  if (name === undefined || runByServer.test(textField(tool, 'type') ?? '')) return undefined
  const description = textField(tool, 'description')
  return {
    type: 'function',
    function: {
      name: shortName(name, maxNameLength),
      ...(description === undefined ? {} : { description }),
      // Anthropic's client tools (bash, text editor) have no schema.
      parameters: isObject(tool.input_schema) ? tool.input_schema : { type: 'object', properties: {} },
      ...(tool.strict === true ? { strict: true } : {}),
    },
  }
}

/** `tool_choice` and `parallel_tool_calls`. An unknown choice becomes the default, `auto`. */
export function chatToolChoice(requested: unknown): JsonObject {
  const choice = typeof requested === 'string' ? { type: requested } : requested
  if (!isObject(choice)) return {}
  const parallel = choice.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {}
  switch (choice.type) {
    case 'any':
    case 'required':
      return { tool_choice: 'required', ...parallel }
    case 'none':
      return { tool_choice: 'none' }
    case 'tool': {
      const name = textField(choice, 'name')
      const one = name === undefined ? 'required' : { type: 'function', function: { name } }
      return { tool_choice: one, ...parallel }
    }
    default:
      return { tool_choice: 'auto', ...parallel }
  }
}
