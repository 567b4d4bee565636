import { isObject, type JsonObject, objectField, textField } from '../../../kernel/json/json-fields.ts'
import type { FunctionTool } from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { optionalList, refuse } from './read-fields.ts'

/**
 * Reads `tools`. Ollama does not read their `type`, and has no `tool_choice`.
 * @param uses receives `tools`
 * @throws GatewayError invalid_request
 */
export function readTools(request: JsonObject, uses: Set<Feature>): FunctionTool[] {
  const tools = optionalList(request, 'tools').map(readTool)
  if (tools.length > 0) uses.add('tools')
  if (tools.some(({ isStrict }) => isStrict)) uses.add('strict_tools')
  return tools
}

function readTool(tool: unknown, index: number): FunctionTool {
  const path = `tools.${index}`
  if (!isObject(tool)) refuse(`${path}: must be an object`)
  const definition = objectField(tool, 'function') ?? tool
  const name = textField(definition, 'name')
  if (name === undefined || name === '') refuse(`${path}.function.name: is required`)
  return {
    kind: 'function',
    name,
    description: textField(definition, 'description'),
    schema: objectField(definition, 'parameters'),
    isStrict: definition.strict === true,
  }
}
