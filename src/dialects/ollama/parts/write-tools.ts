import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import { shortName } from '../../hub/calls/tool-names.ts'
import type { Conversation } from '../../hub/contract/conversation.ts'
import { customToolDescription, customToolSchema } from '../../hub/parts/custom-tool.ts'
import { type OfferedTool, offeredByChoice } from '../../hub/parts/offered-tools.ts'

/** The tools that the model may call. Ollama has no `tool_choice`, so tools that it excludes are left out. */
export function callableTools({ tools, toolChoice }: Conversation): OfferedTool[] {
  return toolChoice?.mode === 'none' ? [] : offeredByChoice(tools, toolChoice)
}

/** @param maxNameLength undefined if the endpoint has no limit */
export function writeTool(tool: OfferedTool, maxNameLength: number | undefined): JsonObject {
  const isCustom = tool.kind === 'custom'
  const description = isCustom ? customToolDescription(tool) : tool.description
  return {
    type: 'function',
    function: {
      name: shortName(tool.name, maxNameLength),
      ...(description === undefined ? {} : { description }),
      parameters: isCustom ? customToolSchema : decodableSchema(tool.schema ?? {}),
    },
  }
}

/** Ollama decodes schemas into a struct: the type is one text, and properties are objects. */
function decodableSchema(schema: JsonObject): JsonObject {
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
