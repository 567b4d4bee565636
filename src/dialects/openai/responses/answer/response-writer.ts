import { listField } from '../../../../kernel/json/json-fields.ts'
import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
  TokenLogprob,
} from '../../../hub/contract/answer.ts'
import type { CustomTool, FunctionTool } from '../../../hub/contract/conversation.ts'
import type { FormatCall } from '../../../hub/format.ts'
import { failureBody, failureError } from '../../errors/failure-error.ts'
import { summaryOf } from '../request/read-settings.ts'
import { type CallHead, ClientCallItem, CustomCallItem, FunctionCallItem } from './call-items.ts'
import type { EventLog } from './event-log.ts'
import { failureCode } from './failure-code.ts'
import { MessageItem } from './message-item.ts'
import type { ItemStatus, OutputItem } from './output-item.ts'
import { ReasoningItem } from './reasoning-item.ts'
import { ResponseShape, type ResponseState, startedState, usageJson } from './response-shape.ts'

/** Prefixes of IDs as OpenAI's. */
const callPrefixes: Readonly<Record<string, string>> = {
  local_shell: 'lsh',
  shell: 'sh',
  apply_patch: 'apc',
  tool_search: 'tsc',
}

/** Writes a response of OpenAI's Responses API, as its events or whole. */
export class ResponseWriter implements AnswerWriter {
  readonly #call: FormatCall
  readonly #log: EventLog | undefined
  readonly #shape: ResponseShape
  readonly #output: string[] = []
  #tools: Map<string, FunctionTool | CustomTool> | undefined
  readonly #itemIds: string[] = []
  #open: OutputItem | undefined
  #signature = ''
  #hasStarted = false
  #hasRefusal = false
  /** Calls of tools that OpenAI's servers define. */
  #builtInCalls = 0
  #body = ''

  /** @param log undefined if the client receives the response whole */
  constructor(call: FormatCall, log: EventLog | undefined) {
    this.#call = call
    this.#log = log
    this.#shape = new ResponseShape(call)
  }

  take(): string {
    if (this.#log !== undefined) return this.#log.take()
    const body = this.#body
    this.#body = ''
    return body
  }

  start(head: AnswerHead): void {
    this.#shape.start(head.model)
    this.#begin()
  }

  open(_index: number, block: BlockHead): void {
    this.#end('completed')
    if (block.kind === 'call' && !this.#allowsCall(block.name)) return
    this.#add(this.#itemOf(block))
  }

  append(_index: number, _kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    this.#open?.append(this.#log, text, logprobs)
  }

  /** Messages and calls end when the next item begins or the answer ends: only then it is known if they are complete. */
  close(_index: number, kind: BlockKind): void {
    if (kind === 'thinking') this.#end('completed')
  }

  sign(signature: string): void {
    this.#signature = signature
  }

  finish({ reason, usage, serviceTier }: AnswerEnding): void {
    const cause = this.#incompleteCause(reason)
    const status = cause === undefined ? 'completed' : 'incomplete'
    this.#end(status)
    if (this.#itemIds.length === 0 && cause === undefined) {
      this.#add(this.#itemOf({ kind: 'text' }))
      this.#end(status)
    }
    this.#terminate({
      status,
      output: this.#output.join(','),
      usage: usageJson(usage),
      error: 'null',
      incomplete: cause === undefined ? 'null' : `{"reason":"${cause}"}`,
      serviceTier,
    })
  }

  /**
   * An open item stays open: clients run the calls and keep the messages of items that are done, and then send the same
   * request again.
   */
  fail(failure: AnswerFailure): void {
    if (this.#log === undefined) {
      this.#body = failureBody(failure, this.#call.requestId)
      return
    }
    if (!this.#hasStarted) this.#begin()
    const { message, type, param } = failureError(failure)
    const code = failureCode(failure)
    // OpenAI's SDKs throw on this event and only on it. Versions of the AI SDK read either form of it.
    const error = { type, code, message, param }
    this.#log.write('error', JSON.stringify({ code, message, param, error }).slice(1, -1))
    this.#terminate({
      ...startedState,
      status: 'failed',
      output: this.#output.join(','),
      error: JSON.stringify({ code, message }),
    })
  }

  /** Codex takes every answer with status 400 for a mistake that it cannot mend, whatever its code. */
  streamsFailure({ contextLimit }: AnswerFailure): boolean {
    return this.#log !== undefined && contextLimit !== undefined
  }

  #begin(): void {
    this.#hasStarted = true
    if (this.#log === undefined) return
    const response = `"response":${this.#shape.json(startedState)}`
    this.#log.write('response.created', response)
    this.#log.write('response.in_progress', response)
  }

  #add(item: OutputItem): void {
    this.#open = item
    item.begin(this.#log)
  }

  #end(status: ItemStatus): void {
    const item = this.#open
    if (item === undefined) return
    this.#open = undefined
    this.#output.push(item.end(this.#log, status, this.#signature))
  }

  #terminate(state: ResponseState): void {
    const response = this.#shape.json(state)
    if (this.#log === undefined) this.#body = response
    else this.#log.write(`response.${state.status}`, `"response":${response}`)
    this.#call.store?.({ id: this.#shape.id, text: response, itemIds: this.#itemIds })
  }

  /** OpenAI reports a full context as `max_output_tokens`. A refusal is a complete answer. */
  #incompleteCause(reason: AnswerEnding['reason']): string | undefined {
    if (reason === 'length' || reason === 'context_full') return 'max_output_tokens'
    return reason === 'filtered' && !this.#hasRefusal ? 'content_filter' : undefined
  }

  #itemOf(block: BlockHead): OutputItem {
    const { conversation, request } = this.#call
    const index = this.#itemIds.length
    switch (block.kind) {
      case 'refusal':
        this.#hasRefusal = true
        return new MessageItem(this.#newId('msg'), index, true, false)
      case 'text':
        return new MessageItem(this.#newId('msg'), index, false, conversation.settings.logprobs !== undefined)
      case 'thinking': {
        const isSealed = listField(request, 'include').includes('reasoning.encrypted_content')
        return new ReasoningItem(this.#newId('rs'), index, {
          isSummary: summaryOf(request) !== undefined,
          isSealed,
        })
      }
      case 'call':
        return this.#callItem(block.id, block.name)
    }
  }

  /** `max_tool_calls` counts the calls of built-in tools only, and OpenAI ignores further ones. */
  #allowsCall(name: string): boolean {
    const { max_tool_calls: max } = this.#call.request
    const tool = typeof max === 'number' ? this.#toolOf(name) : undefined
    if (tool?.kind !== 'function' || tool.clientType === undefined) return true
    this.#builtInCalls++
    return this.#builtInCalls <= Number(max)
  }

  #callItem(callId: string, name: string): OutputItem {
    const tool = this.#toolOf(name)
    const clientType = tool?.kind === 'function' ? tool.clientType : undefined
    const prefix = tool?.kind === 'custom' ? 'ctc' : (callPrefixes[clientType ?? ''] ?? 'fc')
    const index = this.#itemIds.length
    const head: CallHead = { id: this.#newId(prefix), index, callId, name, member: tool?.member }
    if (tool?.kind === 'custom') return new CustomCallItem(head)
    return clientType === undefined ? new FunctionCallItem(head) : new ClientCallItem(head, clientType)
  }

  #newId(prefix: string): string {
    const id = this.#call.newId(prefix)
    this.#itemIds.push(id)
    return id
  }

  #toolOf(name: string): FunctionTool | CustomTool | undefined {
    this.#tools ??= new Map(
      this.#call.conversation.tools.flatMap((tool) => (tool.kind === 'hosted' ? [] : [[tool.name, tool]])),
    )
    return this.#tools.get(name)
  }
}
