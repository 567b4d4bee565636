import { contentBlocks } from './blocks.ts'
import { isObject, type JsonObject, listField, objectField, textField } from './json-fields.ts'

/**
 * The tools that are offered at the end of a conversation: those of the request, and those that messages have
 * added and withdrawn since (`tool_addition`, `tool_removal`).
 */
export function offeredTools(request: JsonObject): readonly unknown[] {
  const tools = new Map<unknown, unknown>()
  for (const tool of listField(request, 'tools')) tools.set(nameOf(tool) ?? tool, tool)
  const known = new Map(tools)
  for (const message of listField(request, 'messages')) {
    if (!isObject(message) || !Array.isArray(message.content)) continue
    for (const block of contentBlocks(message.content)) change(block, tools, known)
  }
  return [...tools.values()]
}

function change(block: JsonObject, tools: Map<unknown, unknown>, known: Map<unknown, unknown>): void {
  const tool = objectField(block, 'tool')
  const name = nameOf(tool)
  if (tool === undefined || name === undefined) return
  if (block.type === 'tool_removal') tools.delete(name)
  if (block.type !== 'tool_addition') return
  const defined = isObject(tool.input_schema) ? tool : known.get(name)
  if (defined === undefined) return
  known.set(name, defined)
  tools.set(name, defined)
}

function nameOf(tool: unknown): string | undefined {
  return isObject(tool) ? (textField(tool, 'name') ?? textField(tool, 'tool_name')) : undefined
}
