import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import type { ToolChoice } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { refuse } from '../../chat/request/field-values.ts'
import type { ToolReader } from './read-tools.ts'
import { given } from './request-values.ts'

/**
 * Reads `tool_choice`. A choice of a tool that the server would run goes with that tool: models of other servers only
 * get the tools of the client.
 */
export function readToolChoice(
  request: JsonObject,
  tools: ToolReader,
  uses: Set<Feature>,
): ToolChoice | undefined {
  const choice = given(request, 'tool_choice')
  const hasTools = tools.tools.some(({ kind }) => kind !== 'hosted')
  if (choice === undefined || !hasTools) return undefined
  if (choice === 'auto') return { mode: 'auto' }
  if (choice === 'none' || choice === 'required') {
    uses.add(choice === 'none' ? 'forbidden_tools' : 'tool_choice')
    return { mode: choice }
  }
  if (!isObject(choice)) refuse('tool_choice', 'must be none, auto, required or an object')
  return choice.type === 'allowed_tools' ? allowedTools(choice, tools, uses) : oneTool(choice, tools, uses)
}

function oneTool(choice: JsonObject, tools: ToolReader, uses: Set<Feature>): ToolChoice | undefined {
  const name = chosenName(choice, tools)
  if (name === undefined) return undefined
  if (tools.find(name) === undefined) refuse('tool_choice', `Tool choice '${name}' not found in 'tools'.`)
  uses.add('named_tool')
  return { mode: 'tool', name }
}

function allowedTools(choice: JsonObject, tools: ToolReader, uses: Set<Feature>): ToolChoice | undefined {
  const inner = objectField(choice, 'allowed_tools') ?? choice
  const names = listField(inner, 'tools')
    .flatMap((each) => (isObject(each) ? (chosenName(each, tools) ?? []) : []))
    .filter((name) => tools.find(name) !== undefined)
  if (names.length === 0) return undefined
  uses.add('allowed_tools')
  const isRequired = inner.mode === 'required'
  if (isRequired) uses.add('tool_choice')
  return { mode: 'allowed', names, isRequired }
}

/** @returns undefined if the server would run the tool */
function chosenName(choice: JsonObject, tools: ToolReader): string | undefined {
  const inner = objectField(choice, 'function') ?? objectField(choice, 'custom') ?? choice
  const name = textField(inner, 'name')
  const type = textField(choice, 'type')
  if (type === 'mcp')
    return name === undefined ? undefined : known(tools.nameOf(choice.server_label, name), tools)
  if (name !== undefined) return tools.nameOf(choice.namespace ?? inner.namespace, name)
  return type === undefined ? undefined : known(type, tools)
}

function known(name: string, tools: ToolReader): string | undefined {
  return tools.find(name) === undefined ? undefined : name
}
