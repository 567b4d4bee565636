import type {
  AssistantPart,
  AssistantTurn,
  CallPart,
  Part,
  ToolResult,
  Turn,
} from '../contract/conversation.ts'
import { failedResult } from './prompt-notes.ts'

/** Calls of an assistant turn that wait for their results. */
interface OpenCalls {
  readonly calls: readonly CallPart[]
  readonly results: (ToolResult | undefined)[]
  /** Indices of calls without a result, by call ID and by name. */
  readonly byId: Map<string, Queue>
  readonly byName: Map<string, Queue>
  /** All calls before this index have a result. */
  firstFree: number
  /** Position of the results among the ordered turns. */
  readonly at: number
}

interface Queue {
  readonly indices: number[]
  next: number
}

/**
 * Puts turns into the order that every API accepts: assistant turns that follow each other become one, with its thinking
 * first and its calls last; the results of its calls follow it at once, in the order of the calls, even if the client
 * sends them later; a result without a call becomes text of a user. Calls without a result stay without one.
 *
 * A result belongs to the call of the same ID in the last assistant turn, or, if it has no ID, to the first call of the
 * same name that has none yet, or to the first call at all: Ollama's clients send no IDs, and some no names.
 */
export function orderTurns(turns: readonly Turn[]): readonly Turn[] {
  if (areOrdered(turns)) return turns
  const ordered: (Turn | undefined)[] = []
  let open: OpenCalls | undefined
  for (const turn of joinAssistants(turns)) {
    if (turn.role === 'results') {
      const orphans = turn.results.filter((result) => open === undefined || !take(open, result))
      if (orphans.length > 0) addUser(ordered, orphans.flatMap(orphanParts))
    } else if (turn.role === 'assistant') {
      close(ordered, open)
      const parts = inOrder(turn.parts)
      ordered.push({ role: 'assistant', parts })
      open = openCalls(parts, ordered.length)
      // The place of the results, filled when they are complete.
      if (open !== undefined) ordered.push(undefined)
    } else if (turn.role === 'user') addUser(ordered, turn.parts, turn.name)
    else ordered.push(turn)
  }
  close(ordered, open)
  return ordered.filter((turn) => turn !== undefined)
}

/** Whether turns are already in order, as those without calls usually are. */
function areOrdered(turns: readonly Turn[]): boolean {
  let last: Turn['role'] | undefined
  for (const turn of turns) {
    if (turn.role === 'results' || isEmpty(turn)) return false
    if (turn.role === 'assistant') {
      if (last === 'assistant' || turn.parts.at(-1)?.kind === 'call' || !isInOrder(turn.parts)) return false
    }
    last = turn.role
  }
  return true
}

function joinAssistants(turns: readonly Turn[]): Turn[] {
  const joined: Turn[] = []
  let parts: AssistantPart[] | undefined
  for (const turn of turns) {
    if (isEmpty(turn)) continue
    if (turn.role !== 'assistant') {
      parts = undefined
      joined.push(turn)
    } else if (parts === undefined) {
      parts = [...turn.parts]
      joined.push({ role: 'assistant', parts })
    } else for (const part of turn.parts) parts.push(part)
  }
  return joined
}

/** An empty answer is kept, because it separates users. */
function isEmpty(turn: Turn): boolean {
  switch (turn.role) {
    case 'system':
      return turn.text === ''
    case 'user':
      return turn.parts.length === 0
    case 'results':
      return turn.results.length === 0
    case 'assistant':
      return false
  }
}

export function callsOf({ parts }: AssistantTurn): CallPart[] {
  return parts.filter((part) => part.kind === 'call')
}

function inOrder(parts: readonly AssistantPart[]): readonly AssistantPart[] {
  if (isInOrder(parts)) return parts
  const isThinking = (part: AssistantPart) => part.kind === 'thinking'
  const isCall = (part: AssistantPart) => part.kind === 'call'
  return [
    ...parts.filter(isThinking),
    ...parts.filter((part) => !isThinking(part) && !isCall(part)),
    ...parts.filter(isCall),
  ]
}

function isInOrder(parts: readonly AssistantPart[]): boolean {
  let last = 0
  for (const { kind } of parts) {
    const place = kind === 'thinking' ? 0 : kind === 'call' ? 2 : 1
    if (place < last) return false
    last = place
  }
  return true
}

/** @returns undefined if there are no calls */
function openCalls(parts: readonly AssistantPart[], at: number): OpenCalls | undefined {
  const calls = parts.filter((part) => part.kind === 'call')
  if (calls.length === 0) return undefined
  const byId = new Map<string, Queue>()
  const byName = new Map<string, Queue>()
  calls.forEach(({ id, name }, index) => {
    if (id !== '') enqueue(byId, id, index)
    enqueue(byName, name, index)
  })
  return { calls, results: calls.map(() => undefined), byId, byName, firstFree: 0, at }
}

function enqueue(queues: Map<string, Queue>, key: string, index: number): void {
  const queue = queues.get(key)
  if (queue === undefined) queues.set(key, { indices: [index], next: 0 })
  else queue.indices.push(index)
}

/** @returns false if the result belongs to none of the calls */
function take(open: OpenCalls, result: ToolResult): boolean {
  const index =
    result.callId === ''
      ? (nextOf(open, open.byName.get(result.name ?? '')) ?? firstFree(open))
      : nextOf(open, open.byId.get(result.callId))
  const call = index === undefined ? undefined : open.calls[index]
  if (index === undefined || call === undefined) return false
  open.results[index] = { ...result, callId: call.id, name: call.name }
  return true
}

function nextOf({ results }: OpenCalls, queue: Queue | undefined): number | undefined {
  if (queue === undefined) return undefined
  while (queue.next < queue.indices.length) {
    const index = queue.indices[queue.next++]
    if (index !== undefined && results[index] === undefined) return index
  }
  return undefined
}

function firstFree(open: OpenCalls): number | undefined {
  const { results } = open
  while (open.firstFree < results.length && results[open.firstFree] !== undefined) open.firstFree++
  return open.firstFree < results.length ? open.firstFree : undefined
}

function close(ordered: (Turn | undefined)[], open: OpenCalls | undefined): void {
  const results = open?.results.filter((result) => result !== undefined) ?? []
  if (open !== undefined && results.length > 0) ordered[open.at] = { role: 'results', results }
}

function addUser(ordered: (Turn | undefined)[], parts: readonly Part[], name?: string): void {
  if (parts.length > 0) ordered.push({ role: 'user', parts, name })
}

/** The text is worth keeping, although servers reject a result without its call. */
function orphanParts({ callId, name = '', parts, isError }: ToolResult): Part[] {
  const head = `[Result of tool call ${callId === '' ? name : callId}]`
  const [first, ...others] = parts
  const text = first?.kind === 'text' ? first.text : ''
  const shown = isError ? failedResult(text) : text
  return [
    { kind: 'text', text: shown === '' ? head : `${head}\n${shown}` },
    ...(first?.kind === 'text' ? others : parts),
  ]
}
