import type { Agenda } from '../affinity/fleet.ts'
import { exponential, seeded } from '../affinity/random.ts'
import type { Ask, AskKind } from './ask.ts'
import { extended, headOf, type Prompt } from './prefix-cache.ts'

/** A kind of client. Ranges are of an even distribution. */
export interface ClientSpec {
  readonly kind: AskKind
  /** Clients; each is a caller. */
  readonly count: number
  /** Models, from which each conversation takes one; earlier ones more often. */
  readonly models: readonly string[]
  /** Tools and system prompt; how many different ones there are. */
  readonly headTokens: number
  readonly heads: number
  readonly userTokens: readonly [number, number]
  readonly answerTokens: readonly [number, number]
  readonly turns: readonly [number, number]
  /** Mean pause before the next turn, and before the next conversation. */
  readonly thinkMs: number
  readonly pauseMs: number
  /** Requests that one client has under way at a time. */
  readonly parallel: number
  /** When they begin and stop; default the whole time. */
  readonly fromMs?: number
  readonly untilMs?: number
}

export interface ClientParts {
  readonly agenda: Agenda
  readonly seed: number
  readonly untilMs: number
  submit(ask: Ask): void
}

/** One line of conversations of a client. It has its own chances: they are the same whatever the policy. */
interface Line {
  readonly caller: string
  readonly random: () => number
  nextPart: number
}

/** More than a line has parts. */
const partsPerLine = 100_000

function between(random: () => number, [min, max]: readonly [number, number]): number {
  return Math.round(min + random() * (max - min))
}

/**
 * Starts all clients of a kind.
 * @param firstLine number of the first line; no two lines have the same
 * @returns the number after the last line
 */
export function startClients(spec: ClientSpec, parts: ClientParts, firstLine: number): number {
  const { agenda } = parts
  let number = firstLine
  for (let client = 0; client < spec.count; client++) {
    for (let at = 0; at < spec.parallel; at++, number++) {
      const random = seeded(parts.seed * 1_000_003 + number)
      const line = { caller: `${spec.kind}-${client}`, random, nextPart: (number + 1) * partsPerLine }
      const rampMs = Math.min(spec.pauseMs, maxRampMs)
      agenda.plan((spec.fromMs ?? 0) + random() * rampMs, () => converse(spec, line, parts))
    }
  }
  return number
}

const maxRampMs = 30_000

/** Runs conversations one after the other until the time is over. */
function converse(spec: ClientSpec, line: Line, parts: ClientParts): void {
  const { agenda } = parts
  const { caller, random } = line
  const endMs = Math.min(spec.untilMs ?? parts.untilMs, parts.untilMs)
  if (agenda.nowMs >= endMs) return
  // The square makes the first models the popular ones.
  const model = spec.models[Math.floor(random() ** 2 * spec.models.length)] ?? ''
  const head = 1 + Math.floor(random() * spec.heads)
  const conversation = line.nextPart
  let left = between(random, spec.turns)
  let prompt: Prompt = headOf(model, head, spec.headTokens)
  const turn = () => {
    const answerTokens = between(random, spec.answerTokens)
    prompt = extended(prompt, line.nextPart++, between(random, spec.userTokens))
    const answered = extended(prompt, line.nextPart++, answerTokens)
    parts.submit({
      kind: spec.kind,
      caller,
      conversation,
      model,
      prompt,
      answerTokens,
      answered,
      onEnd() {
        prompt = answered
        const isOver = --left <= 0 || agenda.nowMs >= endMs
        const pauseMs = exponential(random, isOver ? spec.pauseMs : spec.thinkMs)
        agenda.plan(agenda.nowMs + pauseMs, isOver ? () => converse(spec, line, parts) : turn)
      },
    })
  }
  turn()
}
