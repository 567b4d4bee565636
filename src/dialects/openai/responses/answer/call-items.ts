import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { CustomInput } from '../../../hub/calls/custom-input-stream.ts'
import type { NamespaceMember } from '../../../hub/contract/conversation.ts'
import { PairedText } from '../../../hub/parts/paired-text.ts'
import { parseJson } from '../request/request-values.ts'
import type { EventLog } from './event-log.ts'
import { type ItemStatus, itemPlace, type OutputItem, writeAdded, writeDone } from './output-item.ts'

/** A call as its beginning shows it. */
export interface CallHead {
  readonly id: string
  readonly index: number
  readonly callId: string
  /** As in the conversation. */
  readonly name: string
  /** Set if the tool is a member of a namespace. */
  readonly member: NamespaceMember | undefined
}

/** `call_id`, `name` and `namespace`. */
function identity({ callId, name, member }: CallHead): string {
  const namespace = member === undefined ? '' : `,"namespace":${JSON.stringify(member.namespace)}`
  return `"call_id":${JSON.stringify(callId)},"name":${JSON.stringify(member?.name ?? name)}${namespace}`
}

/** A call of a function. */
export class FunctionCallItem implements OutputItem {
  readonly #head: CallHead
  readonly #place: string
  readonly #pairs = new PairedText()
  #args = ''

  constructor(head: CallHead) {
    this.#head = head
    this.#place = itemPlace(head.id, head.index)
  }

  begin(log: EventLog | undefined): void {
    if (log !== undefined) writeAdded(log, this.#head.index, this.#item('in_progress', '""'))
  }

  append(log: EventLog | undefined, text: string): void {
    const whole = this.#pairs.push(text)
    if (whole !== '') this.#write(log, whole)
  }

  end(log: EventLog | undefined, status: ItemStatus): string {
    const rest = this.#pairs.end()
    if (rest !== '') this.#write(log, rest)
    const args = JSON.stringify(this.#args)
    const item = this.#item(status, args)
    log?.write('response.function_call_arguments.done', `${this.#place},"arguments":${args}`)
    writeDone(log, this.#head.index, item)
    return item
  }

  #write(log: EventLog | undefined, text: string): void {
    this.#args += text
    log?.write('response.function_call_arguments.delta', `${this.#place},"delta":${JSON.stringify(text)}`)
  }

  #item(status: string, args: string): string {
    const { id } = this.#head
    return `{"id":"${id}","type":"function_call","status":"${status}","arguments":${args},${identity(this.#head)}}`
  }
}

/** A call of a custom tool: the client gets the bare input instead of arguments. */
export class CustomCallItem implements OutputItem {
  readonly #head: CallHead
  readonly #place: string
  readonly #pairs = new PairedText()
  readonly #decoder = new CustomInput()
  #args = ''
  #input = ''

  constructor(head: CallHead) {
    this.#head = head
    this.#place = itemPlace(head.id, head.index)
  }

  begin(log: EventLog | undefined): void {
    if (log !== undefined) writeAdded(log, this.#head.index, this.#item('in_progress', '""'))
  }

  append(log: EventLog | undefined, text: string): void {
    this.#args += text
    this.#write(log, this.#pairs.push(this.#decoder.push(text)))
  }

  end(log: EventLog | undefined, status: ItemStatus): string {
    this.#write(log, this.#pairs.push(this.#decoder.end(this.#args)) + this.#pairs.end())
    const input = JSON.stringify(this.#input)
    const item = this.#item(status, input)
    log?.write('response.custom_tool_call_input.done', `${this.#place},"input":${input}`)
    writeDone(log, this.#head.index, item)
    return item
  }

  #write(log: EventLog | undefined, text: string): void {
    if (text === '') return
    this.#input += text
    log?.write('response.custom_tool_call_input.delta', `${this.#place},"delta":${JSON.stringify(text)}`)
  }

  #item(status: string, input: string): string {
    const { id } = this.#head
    return `{"id":"${id}","type":"custom_tool_call","status":"${status}","input":${input},${identity(this.#head)}}`
  }
}

/**
 * A call of a tool that has an item type of its own, such as `local_shell_call`. It is written when its arguments are
 * complete: if they are not what the type needs, the client gets a `function_call`, whose arguments may be anything.
 */
export class ClientCallItem implements OutputItem {
  readonly #head: CallHead
  readonly #type: string
  #args = ''

  /** @param type of the tool */
  constructor(head: CallHead, type: string) {
    this.#head = head
    this.#type = type
  }

  begin(): void {}

  append(_log: EventLog | undefined, text: string): void {
    this.#args += text
  }

  end(log: EventLog | undefined, status: ItemStatus): string {
    const { id, index, callId } = this.#head
    const args = parseJson(this.#args)
    const own = isObject(args) ? ownMembers(this.#type, args) : undefined
    if (own === undefined) {
      const item = new FunctionCallItem(this.#head)
      item.begin(log)
      item.append(log, this.#args)
      return item.end(log, status)
    }
    const itemOf = (state: string) =>
      JSON.stringify({ id, type: `${this.#type}_call`, status: state, call_id: callId, ...own })
    writeAdded(log, index, itemOf('in_progress'))
    const item = itemOf(status)
    writeDone(log, index, item)
    return item
  }
}

/** The members of a call's item beside those that every call has; undefined if the arguments do not fit. */
function ownMembers(type: string, args: JsonObject): JsonObject | undefined {
  switch (type) {
    case 'local_shell':
      return localShell(args)
    case 'shell': {
      const commands = texts(args.commands ?? args.command)
      if (commands === undefined) return undefined
      return {
        action: {
          commands,
          timeout_ms: numberField(args, 'timeout_ms') ?? null,
          max_output_length: numberField(args, 'max_output_length') ?? null,
        },
        environment: { type: 'local' },
      }
    }
    case 'apply_patch':
      return applyPatch(args)
    case 'tool_search':
      return { execution: 'client', arguments: args }
    default:
      return undefined
  }
}

function localShell(args: JsonObject): JsonObject | undefined {
  const command = texts(args.command ?? args.commands)
  if (command === undefined) return undefined
  const directory = textField(args, 'working_directory') ?? textField(args, 'workdir')
  const timeoutMs = numberField(args, 'timeout_ms')
  const env = Object.entries(objectField(args, 'env') ?? {}).filter(([, value]) => typeof value === 'string')
  return {
    action: {
      type: 'exec',
      command,
      env: Object.fromEntries(env),
      ...(directory === undefined ? {} : { working_directory: directory }),
      ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    },
  }
}

function applyPatch(args: JsonObject): JsonObject | undefined {
  const type = textField(args, 'type')
  const path = textField(args, 'path')
  const diff = textField(args, 'diff')
  if (path === undefined) return undefined
  if (type === 'delete_file') return { operation: { type, path } }
  if ((type !== 'create_file' && type !== 'update_file') || diff === undefined) return undefined
  return { operation: { type, path, diff } }
}

/** A list of strings; models send a single one as it is. */
function texts(value: unknown): string[] | undefined {
  if (typeof value === 'string') return [value]
  const list = listField({ value }, 'value')
  const strings = list.filter((each) => typeof each === 'string')
  return list.length > 0 && strings.length === list.length ? strings : undefined
}
