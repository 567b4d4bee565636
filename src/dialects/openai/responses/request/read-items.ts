import { isObject, type JsonObject, listField, textField } from '../../../../kernel/json/json-fields.ts'
import { argumentText } from '../../../hub/calls/argument-text.ts'
import { customArguments } from '../../../hub/calls/custom-input.ts'
import type { AssistantPart, Part, ThinkingPart, Turn } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { contentBlocks, joinedText } from '../../../hub/parts/blocks.ts'
import { refuse } from '../../chat/request/field-values.ts'
import { foundTools, itemArguments, shellOutput } from './history-calls.ts'
import { readParts } from './read-parts.ts'
import type { ToolReader } from './read-tools.ts'
import { listOf } from './request-values.ts'
import { openThinking, summaryMessage } from './thinking-envelope.ts'

/**
 * Reads the items of `input`. Items that other servers made for themselves (searches, blobs, snapshots) are skipped: a
 * client sends its history again with every request, so that a refusal would end its conversation for good.
 */
export class ItemReader {
  readonly turns: Turn[] = []
  readonly #tools: ToolReader
  readonly #uses: Set<Feature>
  /** IDs of calls by the IDs of their items: `local_shell_call_output` names the item. */
  readonly #callIds = new Map<string, string>()
  /** Settings that an item of the input changes; the last one counts. */
  update: JsonObject | undefined

  constructor(tools: ToolReader, uses: Set<Feature>) {
    this.#tools = tools
    this.#uses = uses
  }

  read(input: readonly unknown[]): void {
    // Tools come first, because the calls of namespaces have their names.
    input.forEach((item, index) => {
      if (!isObject(item)) refuse(`input.${index}`, 'must be an object')
      if (item.type === 'additional_tools' || item.type === 'tool_search_output') {
        this.#tools.add(listOf(item, 'tools', `input.${index}.tools`), `input.${index}.tools`)
      }
    })
    input.forEach((item, index) => {
      if (isObject(item)) this.#item(item, `input.${index}`)
    })
  }

  #item(item: JsonObject, field: string): void {
    switch (item.type) {
      case 'message':
      case undefined:
      case null:
        if (item.role === undefined && typeof item.id === 'string') this.#reference(item.id, field)
        else this.#message(item, field)
        return
      case 'item_reference':
        this.#reference(textField(item, 'id') ?? '', field)
        return
      case 'function_call':
        this.#namedCall(item, field, argumentText(item.arguments))
        return
      case 'custom_tool_call':
        this.#namedCall(item, field, customArguments(textField(item, 'input') ?? ''))
        return
      case 'reasoning':
        this.#reasoning(item)
        return
      case 'mcp_call':
        this.#serverCall(item, 'output')
        return
      case 'code_interpreter_call':
        this.#serverCall(item, 'outputs')
        return
      case 'tool_search_output':
        if (typeof item.call_id === 'string') this.#result(item, [{ kind: 'text', text: foundTools(item) }])
        return
      case 'shell_call_output':
        this.#result(item, [{ kind: 'text', text: shellOutput(listField(item, 'output')) }])
        return
      case 'agent_message':
        this.#agentMessage(item)
        return
      case 'compaction':
      case 'compaction_summary':
      case 'context_compaction':
        this.#compaction(item)
        return
      case 'compaction_trigger':
        refuse(field, 'this server compacts conversations with POST /v1/responses/compact only')
        break
      case 'configuration_update':
        this.update = item
        return
      default:
        this.#other(item, field)
    }
  }

  #message(item: JsonObject, field: string): void {
    const path = `${field}.content`
    switch (item.role) {
      case 'user':
        this.#user(readParts(item.content, path, this.#uses))
        return
      case 'assistant':
        this.#assistant(assistantParts(item.content, this.#uses))
        return
      case 'system':
      case 'developer': {
        const parts = readParts(item.content, path, this.#uses)
        const texts = parts.flatMap((part) => (part.kind === 'text' ? part.text : []))
        const isDeveloper = item.role === 'developer'
        this.#uses.add(isDeveloper ? 'developer' : 'system')
        if (texts.length > 0) this.turns.push({ role: 'system', text: texts.join('\n\n'), isDeveloper })
        // Other APIs have no images in system messages.
        this.#user(parts.filter((part) => part.kind !== 'text'))
        return
      }
      case 'tool':
        this.#result({ call_id: item.tool_call_id }, readParts(item.content, path, this.#uses, true))
        return
      default:
        refuse(`${field}.role`, 'must be user, assistant, system or developer')
    }
  }

  /**
   * Without the store of the server that made it, an item cannot be read. Only thinking can be left out: everything else
   * is part of the conversation.
   */
  #reference(id: string, field: string): void {
    if (id.startsWith('rs_')) return
    refuse(
      field,
      `Item with id '${id.slice(0, 100)}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`,
    )
  }

  #namedCall(item: JsonObject, field: string, args: string): void {
    const name = textField(item, 'name') ?? ''
    if (name === '') refuse(`${field}.name`, 'is required')
    this.#call(item, this.#tools.nameOf(item.namespace, name), args)
  }

  #call(item: JsonObject, name: string, args: string): void {
    const itemId = textField(item, 'id')
    const id = textField(item, 'call_id') ?? itemId ?? ''
    if (itemId !== undefined) this.#callIds.set(itemId, id)
    this.#assistant([{ kind: 'call', id, name, args }])
  }

  /** A call that the other server ran itself: its result is part of the item. */
  #serverCall(item: JsonObject, outputField: string): void {
    const id = textField(item, 'id') ?? ''
    const name = textField(item, 'name') ?? String(item.type).slice(0, -'_call'.length)
    const args = item.type === 'mcp_call' ? argumentText(item.arguments) : JSON.stringify({ code: item.code })
    const output = item[outputField] ?? item.error ?? ''
    const text = typeof output === 'string' ? output : JSON.stringify(output)
    const isError = (item.error ?? null) !== null
    this.#assistant([{ kind: 'call', id, name: this.#tools.nameOf(item.server_label, name), args }])
    this.#result({ call_id: id, success: !isError }, [{ kind: 'text', text }])
  }

  #result(item: JsonObject, parts: readonly Part[]): void {
    const own =
      textField(item, 'call_id') ?? (item.name === undefined ? textField(item, 'id') : undefined) ?? ''
    const output = isObject(item.output) ? item.output : item
    const isError = output.success === false || item.status === 'failed'
    if (isError) this.#uses.add('tool_result_error')
    if (parts.some((part) => part.kind !== 'text')) this.#uses.add('tool_result_image')
    const callId = this.#callIds.get(own) ?? own
    const toolName = textField(item, 'name')
    const name = toolName === undefined ? undefined : this.#tools.nameOf(item.namespace, toolName)
    this.turns.push({ role: 'results', results: [{ callId, name, parts, isError }] })
  }

  #reasoning(item: JsonObject): void {
    const sealed = openThinking(item.encrypted_content)
    const texts = [joinedText(contentBlocks(item.content)), joinedText(contentBlocks(item.summary))]
    const text = sealed?.text || texts.find((each) => each !== '') || ''
    if (text === '') return
    this.#uses.add('thinking_history')
    const signature = sealed?.signature || undefined
    const part: ThinkingPart = { kind: 'thinking', text, signature }
    this.#assistant([part])
  }

  /** A message of one agent of the client to another. Encrypted parts cannot be read. */
  #agentMessage(item: JsonObject): void {
    const text = joinedText(contentBlocks(item.content))
    if (text === '') return
    const author = textField(item, 'author')
    this.#user([{ kind: 'text', text: author === undefined ? text : `[Message from ${author}]\n${text}` }])
  }

  #compaction(item: JsonObject): void {
    const text = openThinking(item.encrypted_content)?.text ?? textField(item, 'summary') ?? ''
    if (text !== '') this.#user([{ kind: 'text', text: summaryMessage(text) }])
  }

  /** Calls and results of any other type are known by their IDs. Searches and images of a server have none. */
  #other(item: JsonObject, field: string): void {
    const type = String(item.type)
    if (item.role !== undefined && item.content !== undefined && type !== 'additional_tools') {
      this.#message(item, field)
    } else if (type.endsWith('_output')) {
      const isKnown = this.#callIds.has(textField(item, 'id') ?? '')
      if (typeof item.call_id !== 'string' && typeof item.name !== 'string' && !isKnown) return
      this.#result(item, this.#outputParts(item.output, field))
    } else if (type.endsWith('_call') && typeof item.call_id === 'string') {
      this.#call(item, textField(item, 'name') ?? type.slice(0, -'_call'.length), itemArguments(item))
    }
  }

  /** Codex sends `{content, success}` for a call that failed. */
  #outputParts(output: unknown, field: string): Part[] {
    const inner = isObject(output) && output.type === undefined ? (output.content ?? output) : output
    const isForeign = isObject(inner) && inner.type === undefined
    return readParts(isForeign ? JSON.stringify(inner) : inner, `${field}.output`, this.#uses, true)
  }

  #user(parts: readonly Part[]): void {
    if (parts.length > 0) this.turns.push({ role: 'user', parts })
  }

  #assistant(parts: readonly AssistantPart[]): void {
    if (parts.length > 0) this.turns.push({ role: 'assistant', parts })
  }
}

/** Only text and refusals: what else a model returned (images) is not part of other APIs' assistant messages. */
function assistantParts(content: unknown, uses: Set<Feature>): AssistantPart[] {
  const parts: AssistantPart[] = []
  for (const block of contentBlocks(content)) {
    const refusal = block.type === 'refusal' ? textField(block, 'refusal') : undefined
    const text = textField(block, 'text')
    if (refusal !== undefined) {
      uses.add('refusal_history')
      parts.push({ kind: 'refusal', text: refusal })
    } else if (text !== undefined && text !== '') parts.push({ kind: 'text', text })
  }
  return parts
}
