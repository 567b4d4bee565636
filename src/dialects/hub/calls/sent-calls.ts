import type { CallPart, ToolResult, Turn } from '../contract/conversation.ts'
import { strictName } from '../parts/strict-names.ts'
import { CallIds } from './call-ids.ts'

/** Longest ID that OpenAI accepts is 64 characters; the rest is for the number of a repeated ID. */
const maxIdLength = 56

/** A call and its result as they go to an endpoint. */
export interface SentCall {
  readonly call: CallPart
  /** Unique in the conversation, in characters that every API accepts. */
  readonly id: string
  /** Undefined if the client sent none, and if the call is in the last turn. */
  readonly result: ToolResult | undefined
}

/**
 * Result of a call whose own is missing, because the user interrupted the agent, for instance. Anthropic and OpenAI
 * refuse a conversation that continues after a call without a result.
 */
const missingResult = 'The tool returned no result.'

/** Pairs the calls of a conversation with their results, turn by turn. */
export class SentCalls {
  readonly #ids: CallIds

  constructor() {
    let count = 0
    // Counted, so that the same history always has the same IDs and stays in the endpoint's prompt cache.
    this.#ids = new CallIds([], () => `call_${++count}`)
  }

  /**
   * The calls of an assistant turn. Each turn is passed once, in order.
   * @param turns as `orderTurns` returns them
   */
  of(turns: readonly Turn[], at: number): SentCall[] {
    const turn = turns[at]
    const next = turns[at + 1]
    if (turn?.role !== 'assistant') return []
    const results = next?.role === 'results' ? next.results : []
    const calls: SentCall[] = []
    let taken = 0
    for (const call of turn.parts) {
      if (call.kind !== 'call') continue
      const result = results[taken]
      const isOwn = result?.callId === call.id && (result.name ?? call.name) === call.name
      if (isOwn) taken++
      const missing = next === undefined ? undefined : noResult(call)
      calls.push({
        call,
        id: this.#ids.next(strictName(call.id, maxIdLength)),
        result: isOwn ? result : missing,
      })
    }
    return calls
  }
}

function noResult({ id, name }: CallPart): ToolResult {
  return { callId: id, name, parts: [{ kind: 'text', text: missingResult }], isError: true }
}
