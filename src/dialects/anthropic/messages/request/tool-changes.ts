import {
  asList,
  isObject,
  type JsonObject,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'

/**
 * The tools on offer at the end of a conversation: those of the request, with the additions and removals in its
 * messages (`tool_addition`, `tool_removal`).
 */
export function offeredTools(request: JsonObject): readonly unknown[] {
  const declared = asList(request.tools)
  const messages = asList(request.messages)
  if (!messages.some(hasChanges)) return declared
  const changes = messages.flatMap(changesIn)
  const tools = new Map<unknown, unknown>()
  for (const tool of declared) tools.set(nameOf(tool) ?? tool, tool)
  const known = new Map(tools)
  for (const block of changes) change(block, tools, known)
  return [...tools.values()]
}

function hasChanges(message: unknown): boolean {
  const content = isObject(message) ? message.content : undefined
  return Array.isArray(content) && content.some(isChange)
}

function changesIn(message: unknown): readonly JsonObject[] {
  const content = isObject(message) ? message.content : undefined
  return Array.isArray(content) ? content.filter(isChange) : []
}

function isChange(block: unknown): block is JsonObject {
  return isObject(block) && (block.type === 'tool_addition' || block.type === 'tool_removal')
}

function change(
  { type, ...block }: JsonObject,
  tools: Map<unknown, unknown>,
  known: Map<unknown, unknown>,
): void {
  const tool = objectField(block, 'tool')
  const name = nameOf(tool)
  if (tool === undefined || name === undefined) return
  if (type === 'tool_removal') {
    tools.delete(name)
    return
  }
  const defined = isObject(tool.input_schema) ? tool : known.get(name)
  if (defined === undefined) return
  known.set(name, defined)
  tools.set(name, defined)
}

function nameOf(tool: unknown): string | undefined {
  return isObject(tool) ? (textField(tool, 'name') ?? textField(tool, 'tool_name')) : undefined
}
