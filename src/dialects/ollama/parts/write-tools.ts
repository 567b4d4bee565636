import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Conversation, CustomTool, FunctionTool, Tool } from '../../hub/contract/conversation.ts'
import { shortName } from '../../hub/parts/tool-names.ts'

/** The tools that the model may call. Ollama has no `tool_choice`, so tools that it excludes are left out. */
export function callableTools({ tools, toolChoice }: Conversation): (FunctionTool | CustomTool)[] {
  if (toolChoice?.mode === 'none') return []
  const allowed = toolChoice?.mode === 'allowed' ? new Set(toolChoice.names) : undefined
  return tools.filter(
    (tool): tool is FunctionTool | CustomTool =>
      tool.kind !== 'hosted' && (allowed === undefined || allowed.has(tool.name)),
  )
}

/** @param maxNameLength undefined if the endpoint has no limit */
export function writeTool(
  tool: Exclude<Tool, { kind: 'hosted' }>,
  maxNameLength: number | undefined,
): JsonObject {
  const { name, description } = tool
  return {
    type: 'function',
    function: {
      name: shortName(name, maxNameLength),
      ...(description === undefined ? {} : { description }),
      parameters: parametersOf(tool),
    },
  }
}

/** Ollama decodes schemas into a struct: the type is one text, and properties are objects. */
function parametersOf(tool: Exclude<Tool, { kind: 'hosted' }>): JsonObject {
  if (tool.kind === 'custom') {
    return { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }
  }
  const { schema = {} } = tool
  const properties = isObject(schema.properties) ? schema.properties : {}
  const hasFlags = Object.values(properties).some((property) => !isObject(property))
  return {
    ...schema,
    type: typeof schema.type === 'string' ? schema.type : 'object',
    // `true` is a schema that allows everything.
    properties: hasFlags
      ? Object.fromEntries(
          Object.entries(properties).map(([key, property]) => [key, isObject(property) ? property : {}]),
        )
      : properties,
  }
}
