import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import type { Tool, ToolChoice } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { offeredTools } from './tool-changes.ts'

/** Tools that only Anthropic's servers can run. */
const runByServer =
  /^(?:web_search|web_fetch|code_execution|tool_search_tool|advisor|mcp_toolset|memory_store)(?:_|$)/

const noTools: readonly Tool[] = []

/** Reads the tools on offer. A later definition replaces one of the same name. */
export function readTools(request: JsonObject, uses: Set<Feature>): readonly Tool[] {
  const offered = offeredTools(request)
  if (offered.length === 0) return noTools
  const tools: Tool[] = []
  const places = new Map<string, number>()
  for (const each of offered) {
    if (!isObject(each)) continue
    const tool = readTool(each)
    if (tool === undefined) continue
    if (each.cache_control !== undefined) uses.add('cache_control')
    if (tool.kind === 'hosted') {
      uses.add('hosted_tools')
      tools.push(tool)
      continue
    }
    uses.add('tools')
    if (each.strict === true) uses.add('strict_tools')
    const place = places.get(tool.name)
    if (place === undefined) places.set(tool.name, tools.push(tool) - 1)
    else tools[place] = tool
  }
  return tools
}

/** Anthropic's client tools (bash, text editor) have no schema. */
function readTool(definition: JsonObject): Exclude<Tool, { kind: 'custom' }> | undefined {
  const type = textField(definition, 'type') ?? ''
  if (runByServer.test(type)) return { kind: 'hosted', type, definition }
  const name = textField(definition, 'name')
  if (name === undefined) return undefined
  const { input_schema: schema } = definition
  return {
    kind: 'function',
    name,
    description: textField(definition, 'description'),
    schema: isObject(schema) ? schema : undefined,
    isStrict: definition.strict === true,
  }
}

/** `tool_choice` and `disable_parallel_tool_use`. */
export interface ReadChoice {
  readonly choice: ToolChoice | undefined
  readonly parallelCalls: boolean | undefined
}

/** An unknown choice becomes the default, `auto`. */
export function readToolChoice(requested: unknown, uses: Set<Feature>): ReadChoice {
  const found = typeof requested === 'string' ? { type: requested } : requested
  if (!isObject(found)) return { choice: undefined, parallelCalls: undefined }
  const choice = choiceOf(found)
  if (choice.mode === 'tool') uses.add('named_tool')
  else if (choice.mode === 'none') uses.add('forbidden_tools')
  else if (choice.mode !== 'auto') uses.add('tool_choice')
  const isSerial = found.disable_parallel_tool_use === true && choice.mode !== 'none'
  if (isSerial) uses.add('parallel_tool_calls')
  return { choice, parallelCalls: isSerial ? false : undefined }
}

function choiceOf(choice: JsonObject): ToolChoice {
  switch (choice.type) {
    case 'any':
    case 'required':
      return { mode: 'required' }
    case 'none':
      return { mode: 'none' }
    case 'tool': {
      const name = textField(choice, 'name')
      return name === undefined ? { mode: 'required' } : { mode: 'tool', name }
    }
    default:
      return { mode: 'auto' }
  }
}
