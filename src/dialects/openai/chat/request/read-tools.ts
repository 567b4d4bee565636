import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import type { Tool, ToolChoice } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { refuse, textOf } from './field-values.ts'

const nothing: JsonObject = {}

/**
 * Reads the tools of a chat: functions in OpenAI's nested form, in the flat form of the Responses API, in Anthropic's,
 * or as the older `functions`; custom tools; and tools that a server runs.
 * @throws GatewayError invalid_request
 */
export function readTools(request: JsonObject, uses: Set<Feature>): Tool[] {
  const tools = new Map<string, Tool>()
  const add = (tool: Tool) => {
    const key = tool.kind === 'hosted' ? ` ${tools.size}` : tool.name
    if (!tools.has(key)) tools.set(key, tool)
  }
  listOf(request, 'tools').forEach((tool, index) => {
    add(readTool(tool, `tools.${index}`))
  })
  if (tools.size === 0) {
    listOf(request, 'functions').forEach((tool, index) => {
      add(readFunction(isObject(tool) ? tool : nothing, nothing, `functions.${index}`))
    })
  }
  const list = [...tools.values()]
  for (const tool of list) noteTool(tool, uses)
  return list
}

function noteTool(tool: Tool, uses: Set<Feature>): void {
  if (tool.kind === 'hosted') uses.add('hosted_tools')
  else if (tool.kind === 'custom') uses.add('tools').add('custom_tools')
  else {
    uses.add('tools')
    if (tool.isStrict) uses.add('strict_tools')
  }
}

function listOf(request: JsonObject, key: string): readonly unknown[] {
  const value = request[key]
  if (value !== undefined && value !== null && !Array.isArray(value)) return refuse(key, 'must be a list')
  return listField(request, key)
}

function readTool(tool: unknown, at: string): Tool {
  if (!isObject(tool)) return refuse(at, 'must be an object')
  const { type } = tool
  const inner = objectField(tool, 'function')
  if (isObject(tool.input_schema)) return readFunction(tool, nothing, at)
  if (type === 'function' || (type === undefined && !isObject(tool.custom))) {
    return inner === undefined ? readFunction(tool, nothing, at) : readFunction(inner, tool, `${at}.function`)
  }
  if (type === 'custom' || type === undefined) {
    const custom = objectField(tool, 'custom') ?? tool
    return {
      kind: 'custom',
      name: nameOf(custom, tool.custom === undefined ? at : `${at}.custom`),
      description: textField(custom, 'description'),
      format: flatFormat(objectField(custom, 'format')),
    }
  }
  return {
    kind: 'hosted',
    type: textField(tool, 'type') ?? refuse(`${at}.type`, 'must be a string'),
    definition: tool,
  }
}

/** The Responses API has the members of `grammar` beside `type`. */
function flatFormat(format: JsonObject | undefined): JsonObject | undefined {
  const grammar = objectField(format ?? nothing, 'grammar')
  if (grammar === undefined) return format?.type === 'text' ? undefined : format
  return { type: 'grammar', ...grammar }
}

/** @param outer object around the function, where some clients put `strict` */
function readFunction(inner: JsonObject, outer: JsonObject, at: string): Tool {
  return {
    kind: 'function',
    name: nameOf(inner, at),
    description: textOf(inner, 'description', `${at}.`),
    schema: schemaOf(inner.parameters ?? inner.input_schema, `${at}.parameters`),
    isStrict: (inner.strict ?? outer.strict) === true,
  }
}

/** Some clients send the schema as text. */
function schemaOf(value: unknown, at: string): JsonObject | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (isObject(value)) return value
  try {
    const schema: unknown = typeof value === 'string' ? JSON.parse(value) : undefined
    if (isObject(schema)) return schema
  } catch {
    // Not JSON.
  }
  return refuse(at, 'must be a JSON schema')
}

function nameOf(object: JsonObject, at: string): string {
  return textField(object, 'name') || refuse(`${at}.name`, 'is required')
}

/**
 * Reads `tool_choice`, or the older `function_call`.
 * @throws GatewayError invalid_request, if it names no tool of the request
 */
export function readToolChoice(
  request: JsonObject,
  tools: readonly Tool[],
  uses: Set<Feature>,
): ToolChoice | undefined {
  const isOlder = (request.tool_choice ?? null) === null
  const field = isOlder ? 'function_call' : 'tool_choice'
  const choice = choiceOf(request[field], field)
  if (choice === undefined) return undefined
  if (tools.length === 0) {
    if (choice.mode === 'auto' || choice.mode === 'none') return undefined
    return refuse(field, 'is allowed only with tools')
  }
  const names = choice.mode === 'tool' ? [choice.name] : choice.mode === 'allowed' ? choice.names : []
  const known = new Set(tools.map((tool) => (tool.kind === 'hosted' ? tool.type : tool.name)))
  for (const name of names) {
    if (!known.has(name)) return refuse(field, `there is no tool ${JSON.stringify(name.slice(0, 100))}`)
  }
  if (choice.mode === 'tool') uses.add('named_tool')
  else if (choice.mode === 'allowed') uses.add('allowed_tools')
  else if (choice.mode === 'none') uses.add('forbidden_tools')
  if (choice.mode === 'required' || (choice.mode === 'allowed' && choice.isRequired)) uses.add('tool_choice')
  return choice
}

function choiceOf(value: unknown, at: string): ToolChoice | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return modeOf(value) ?? { mode: 'tool', name: value }
  if (!isObject(value)) return refuse(at, 'must be a string or an object')
  const type = textField(value, 'type')
  if (type === 'allowed_tools') return allowedOf(value, at)
  const name = chosenName(value)
  if (name !== undefined) return { mode: 'tool', name }
  if (type === undefined || type === 'function' || type === 'custom' || type === 'tool') {
    return refuse(at, 'names no tool')
  }
  // A tool that the server runs has only its type.
  return modeOf(type) ?? { mode: 'tool', name: type }
}

function modeOf(value: string): ToolChoice | undefined {
  switch (value) {
    case 'auto':
    case 'none':
    case 'required':
      return { mode: value }
    // Anthropic's name for it.
    case 'any':
      return { mode: 'required' }
    default:
      return undefined
  }
}

/** In the nested form or the flat one. */
function chosenName(choice: JsonObject): string | undefined {
  const inner = objectField(choice, 'function') ?? objectField(choice, 'custom') ?? choice
  return textField(inner, 'name') || undefined
}

function allowedOf(choice: JsonObject, at: string): ToolChoice {
  const allowed = objectField(choice, 'allowed_tools') ?? choice
  const names = listField(allowed, 'tools').map((tool, index) => {
    const name = isObject(tool) ? (chosenName(tool) ?? textField(tool, 'type')) : undefined
    return name ?? refuse(`${at}.allowed_tools.tools.${index}`, 'names no tool')
  })
  return { mode: 'allowed', names, isRequired: allowed.mode === 'required' }
}
