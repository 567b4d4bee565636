import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { argumentText } from '../../../hub/calls/argument-text.ts'

/** Members of an item that describe the item and not the call. */
const itemFields: ReadonlySet<string> = new Set([
  ...['type', 'id', 'call_id', 'status', 'caller', 'created_by', 'namespace', 'execution', 'async'],
  ...['environment', 'pending_safety_checks', 'internal_chat_message_metadata_passthrough'],
])

/** Arguments of a call to one of the tools that the client runs, or to one of an unknown type. */
export function itemArguments(item: JsonObject): string {
  switch (item.type) {
    case 'local_shell_call':
    case 'shell_call': {
      const { type: _, ...action } = objectField(item, 'action') ?? {}
      return JSON.stringify(action)
    }
    case 'apply_patch_call':
      return JSON.stringify(objectField(item, 'operation') ?? {})
    default: {
      if (item.arguments !== undefined) return argumentText(item.arguments)
      const own = Object.entries(item).filter(([name]) => !itemFields.has(name))
      return JSON.stringify(Object.fromEntries(own))
    }
  }
}

/** The output of `shell`: one entry per command. */
export function shellOutput(output: readonly unknown[]): string {
  const texts: string[] = []
  for (const each of output) {
    if (!isObject(each)) continue
    for (const stream of ['stdout', 'stderr']) {
      const text = textField(each, stream) ?? ''
      if (text !== '') texts.push(text)
    }
    const outcome = objectField(each, 'outcome') ?? {}
    const code = numberField(outcome, 'exit_code')
    if (outcome.type === 'timeout') texts.push('[timed out]')
    else if (code !== undefined && code !== 0) texts.push(`[exit code ${code}]`)
  }
  return texts.join('\n')
}

/** What the client found with `tool_search`, for the model. */
export function foundTools(item: JsonObject): string {
  const lines = listField(item, 'tools')
    .filter(isObject)
    .map((tool) => `${textField(tool, 'name') ?? 'tool'}: ${textField(tool, 'description') ?? ''}`)
  return lines.length === 0 ? 'No tools were found.' : `These tools are available now:\n${lines.join('\n')}`
}
