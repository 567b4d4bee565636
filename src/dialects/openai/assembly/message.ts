import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import { appendItems, type Merged, mergeDelta } from '../../assembly/merge.ts'
import { argumentText, CallAssembly } from './calls.ts'

const handled: ReadonlySet<string> = new Set(['role', 'content', 'tool_calls', 'function_call'])

/** Assembles the message of a chat completion from its deltas. */
export class MessageAssembly {
  readonly #fields: Merged = {}
  #role = ''
  #content: string | unknown[] | undefined
  #calls: CallAssembly | undefined
  /** The older form of a call. */
  #call: { name: string; args: string } | undefined

  get hasContent(): boolean {
    return this.#content !== undefined && this.#content.length > 0
  }

  get hasCalls(): boolean {
    return this.#calls !== undefined
  }

  /** @returns the characters added, if only texts were */
  push(delta: JsonObject): number | undefined {
    if (this.#role === '') this.#role = textField(delta, 'role') ?? ''
    let characters = mergeDelta(this.#fields, delta, handled)
    const { content, tool_calls: calls, function_call: call } = delta
    if (typeof content === 'string') {
      if (characters !== undefined) characters += content.length
      this.#text(content)
    } else if (Array.isArray(content)) {
      this.#parts(content)
      characters = undefined
    }
    const list = Array.isArray(calls) ? calls : [calls]
    for (const each of list) {
      if (!isObject(each)) continue
      this.#calls ??= new CallAssembly()
      const added = this.#calls.push(each)
      if (characters !== undefined) characters += added
    }
    if (isObject(call)) characters = (characters ?? 0) + this.#function(call)
    return characters
  }

  /** Replaces everything by a message that arrived whole. */
  take(message: JsonObject): void {
    this.#role = ''
    this.#content = undefined
    this.#calls = undefined
    this.#call = undefined
    for (const key of Object.keys(this.#fields)) delete this.#fields[key]
    this.push(message)
  }

  end(): JsonObject {
    const { reasoning_content, ...others } = this.#fields
    const calls = this.#calls?.end()
    const call = this.#call
    const hasOther = calls !== undefined || call !== undefined || typeof others.refusal === 'string'
    const content = this.#content
    return {
      role: this.#role || 'assistant',
      // As in an answer that is not streamed: calls and refusals leave no empty text.
      content: content === undefined || content.length === 0 ? (hasOther ? null : '') : content,
      ...(reasoning_content === undefined ? {} : { reasoning_content }),
      ...others,
      ...(calls === undefined ? {} : { tool_calls: calls }),
      ...(call === undefined ? {} : { function_call: { name: call.name, arguments: call.args } }),
    }
  }

  #text(text: string): void {
    const known = this.#content
    if (!Array.isArray(known)) this.#content = known === undefined ? text : known + text
    else if (text !== '') appendPart(known, { type: 'text', text })
  }

  /** Mistral's servers send parts. */
  #parts(parts: readonly unknown[]): void {
    const known = this.#content
    const list: unknown[] = Array.isArray(known) ? known : []
    if (typeof known === 'string' && known !== '') list.push({ type: 'text', text: known })
    this.#content = list
    for (const part of parts) appendPart(list, part)
  }

  #function(call: JsonObject): number {
    const name = textField(call, 'name') ?? ''
    const args = argumentText(call.arguments)
    this.#call ??= { name: '', args: '' }
    if (this.#call.args === '')
      this.#call.name = name.startsWith(this.#call.name) ? name : this.#call.name + name
    this.#call.args += args
    return name.length + args.length
  }
}

/** A part continues the last one if both are texts of one kind. */
function appendPart(list: unknown[], part: unknown): void {
  const last = list.at(-1)
  if (!isObject(part) || !isObject(last) || part.type !== last.type) {
    list.push(part)
    return
  }
  const { thinking } = last
  if (typeof part.text === 'string' && typeof last.text === 'string')
    list[list.length - 1] = { ...last, ...part, text: last.text + part.text }
  else if (Array.isArray(part.thinking) && Array.isArray(thinking))
    for (const each of part.thinking) appendPart(thinking, each)
  else appendItems(list, [part])
}
