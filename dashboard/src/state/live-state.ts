import type { FeedMessage, GatewayEvent, Hello, Sample } from '../api/types.ts'
import { appended } from './bounded.ts'

/** State collected from the event stream. */
export interface LiveState {
  readonly hello: Hello | undefined
  /** Gateway's clock minus the reader's; milliseconds. */
  readonly clockOffsetMs: number
  /** Oldest first. */
  readonly samples: readonly Sample[]
  /** Oldest first. */
  readonly events: readonly GatewayEvent[]
  /** Events that were lost between two connections. */
  readonly missed: number
  /** Runs of the gateway that the page has seen end. */
  readonly restarts: number
}

/** 15 minutes of the gateway's interval of 2 s. */
const keptSamples = 450
const keptEvents = 1000

export const initialLiveState: LiveState = {
  hello: undefined,
  clockOffsetMs: 0,
  samples: [],
  events: [],
  missed: 0,
  restarts: 0,
}

/** @param nowMs the reader's clock, epoch milliseconds */
export function withMessage(state: LiveState, message: FeedMessage, nowMs: number): LiveState {
  switch (message.kind) {
    case 'hello': {
      const { hello } = message
      const hasRestarted = state.hello !== undefined && state.hello.started_at !== hello.started_at
      return {
        ...state,
        hello,
        clockOffsetMs: Date.parse(hello.now) - nowMs,
        restarts: state.restarts + (hasRestarted ? 1 : 0),
      }
    }
    case 'event': {
      const { event } = message
      // A resumed connection may send an event again.
      if (state.events.some(({ id }) => id === event.id)) return state
      return { ...state, events: appended(state.events, event, keptEvents) }
    }
    case 'sample':
      return withSamples(state, [message.sample])
    case 'gap':
      return { ...state, missed: state.missed + (message.missed ?? 0) }
    case 'bye':
      return state
  }
}

/** Recorded and live samples, in order of time, each once. */
export function withSamples(state: LiveState, added: readonly Sample[]): LiveState {
  const last = state.samples.at(-1)?.at_ms ?? Number.NEGATIVE_INFINITY
  const isLater = added.every((sample, index) => sample.at_ms > (added[index - 1]?.at_ms ?? last))
  const samples = isLater ? [...state.samples, ...added] : merged(state.samples, added)
  return { ...state, samples: samples.slice(-keptSamples) }
}

function merged(known: readonly Sample[], added: readonly Sample[]): Sample[] {
  const byTime = new Map([...known, ...added].map((sample) => [sample.at_ms, sample]))
  return [...byTime.values()].sort((a, b) => a.at_ms - b.at_ms)
}
