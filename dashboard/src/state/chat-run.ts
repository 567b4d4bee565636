/** A chat through the gateway while it runs, and what it showed. */

export interface ChatUsage {
  readonly promptTokens: number
  readonly completionTokens: number
}

/** How the gateway handled a request, from its `X-Olla-…` headers. */
export interface ServedBy {
  /** The gateway's own headers and the content type, as name and value. */
  readonly headers: readonly (readonly [string, string])[]
  readonly endpoint: string | undefined
  readonly backendType: string | undefined
  readonly requestId: string | undefined
  readonly attempts: string | undefined
  readonly decision: string | undefined
  readonly reason: string | undefined
}

export type ChatEvent =
  | { readonly kind: 'answered'; readonly status: number; readonly served: ServedBy }
  | { readonly kind: 'raw'; readonly name: string; readonly text: string }
  | { readonly kind: 'text'; readonly text: string; readonly isThought: boolean }
  | { readonly kind: 'usage'; readonly usage: ChatUsage }
  | { readonly kind: 'ended' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string }

/** A part of the answer as it arrived: an event, a line, or the whole body. */
export interface RawPart {
  readonly number: number
  /** Since the request was sent. */
  readonly atMs: number
  /** Of a server-sent event; empty for the others. */
  readonly name: string
  readonly text: string
}

/** Maximum parts that the page keeps: the last ones. */
const maxRaw = 1_000

export type ChatPhase = 'sending' | 'streaming' | 'done' | 'stopped' | 'failed'

export interface ChatRun {
  readonly model: string
  readonly phase: ChatPhase
  readonly startedMs: number
  readonly firstTokenMs: number | undefined
  readonly lastTokenMs: number | undefined
  readonly endedMs: number | undefined
  readonly status: number | undefined
  readonly served: ServedBy | undefined
  readonly text: string
  /** Text of a reasoning model's thinking. */
  readonly thought: string
  /** Parts of the stream with text: tokens, as most endpoints send them. */
  readonly pieces: number
  readonly raw: readonly RawPart[]
  /** All of them, also those that the page no longer keeps. */
  readonly rawCount: number
  readonly usage: ChatUsage | undefined
  readonly error: string | undefined
}

/** @param nowMs any steady clock, the same for all events of a run */
export function startedRun(model: string, nowMs: number): ChatRun {
  return {
    model,
    phase: 'sending',
    startedMs: nowMs,
    firstTokenMs: undefined,
    lastTokenMs: undefined,
    endedMs: undefined,
    status: undefined,
    served: undefined,
    text: '',
    thought: '',
    pieces: 0,
    raw: [],
    rawCount: 0,
    usage: undefined,
    error: undefined,
  }
}

export function isRunning({ phase }: ChatRun): boolean {
  return phase === 'sending' || phase === 'streaming'
}

export function withChatEvent(run: ChatRun, event: ChatEvent, nowMs: number): ChatRun {
  if (!isRunning(run)) return run
  switch (event.kind) {
    case 'answered':
      return { ...run, phase: 'streaming', status: event.status, served: event.served }
    case 'raw': {
      const { name, text } = event
      const part = { number: run.rawCount + 1, atMs: nowMs - run.startedMs, name, text }
      return { ...run, raw: [...run.raw.slice(1 - maxRaw), part], rawCount: part.number }
    }
    case 'text':
      return {
        ...run,
        text: event.isThought ? run.text : run.text + event.text,
        thought: event.isThought ? run.thought + event.text : run.thought,
        pieces: run.pieces + 1,
        firstTokenMs: run.firstTokenMs ?? nowMs,
        lastTokenMs: nowMs,
      }
    case 'usage':
      return { ...run, usage: withPrompt(event.usage, run.usage) }
    case 'ended':
      return { ...run, phase: 'done', endedMs: nowMs }
    case 'stopped':
      return { ...run, phase: 'stopped', endedMs: nowMs }
    case 'failed':
      return { ...run, phase: 'failed', endedMs: nowMs, error: event.message }
  }
}

/** Messages counts the prompt at the start of a stream only. */
function withPrompt(usage: ChatUsage, before: ChatUsage | undefined): ChatUsage {
  return { ...usage, promptTokens: usage.promptTokens || (before?.promptTokens ?? 0) }
}

export interface ChatFigures {
  readonly firstTokenMs: number | undefined
  readonly totalMs: number
  /** As the endpoint counted them, else the parts of the stream. */
  readonly tokens: number
  /** Between the first and the last token; undefined before the second. */
  readonly tokensPerSecond: number | undefined
}

export function chatFigures(run: ChatRun, nowMs: number): ChatFigures {
  const { startedMs, firstTokenMs, lastTokenMs, endedMs, pieces, usage } = run
  const tokens = usage?.completionTokens ?? pieces
  const generatedMs = (lastTokenMs ?? 0) - (firstTokenMs ?? 0)
  return {
    firstTokenMs: firstTokenMs === undefined ? undefined : firstTokenMs - startedMs,
    totalMs: (endedMs ?? nowMs) - startedMs,
    tokens,
    // The first token's time is the prompt's, not the generation's.
    tokensPerSecond: tokens > 1 && generatedMs > 0 ? ((tokens - 1) * 1000) / generatedMs : undefined,
  }
}
