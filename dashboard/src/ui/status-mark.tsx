/** States by glyph, colour and word: each of the three is readable alone. */
import type { BreakerState, EndpointStatus, Outcome, Phase } from '../api/types.ts'
import type { Tone } from '../state/event-text.ts'

export interface Mark {
  readonly glyph: string
  readonly tone: Tone
  readonly text: string
}

const ofEndpoint: Readonly<Record<EndpointStatus, Mark>> = {
  healthy: { glyph: '●', tone: 'good', text: 'healthy' },
  busy: { glyph: '◐', tone: 'warn', text: 'busy' },
  warming: { glyph: '◔', tone: 'warn', text: 'warming' },
  rate_limited: { glyph: '◇', tone: 'warn', text: 'rate limited' },
  unhealthy: { glyph: '▲', tone: 'bad', text: 'unhealthy' },
  offline: { glyph: '✕', tone: 'bad', text: 'offline' },
  config_error: { glyph: '⚑', tone: 'bad', text: 'not authorised' },
  unknown: { glyph: '○', tone: 'calm', text: 'not probed yet' },
  draining: { glyph: '◔', tone: 'warn', text: 'draining' },
  drained: { glyph: '■', tone: 'calm', text: 'drained' },
}

const ofBreaker: Readonly<Record<BreakerState, Mark>> = {
  closed: { glyph: '●', tone: 'good', text: 'closed' },
  half_open: { glyph: '◐', tone: 'warn', text: 'half open' },
  open: { glyph: '✕', tone: 'bad', text: 'open' },
}

const ofOutcome: Readonly<Record<Outcome, Mark>> = {
  success: { glyph: '●', tone: 'good', text: 'success' },
  rejection: { glyph: '◇', tone: 'warn', text: 'rejected' },
  failure: { glyph: '✕', tone: 'bad', text: 'failed' },
  client_closed: { glyph: '○', tone: 'calm', text: 'client left' },
  cancelled: { glyph: '■', tone: 'calm', text: 'cancelled' },
}

const ofPhase: Readonly<Record<Phase, Mark>> = {
  choosing: { glyph: '○', tone: 'calm', text: 'choosing' },
  queued: { glyph: '◔', tone: 'warn', text: 'queued' },
  backoff: { glyph: '◔', tone: 'warn', text: 'backing off' },
  connecting: { glyph: '○', tone: 'calm', text: 'connecting' },
  waiting: { glyph: '◐', tone: 'calm', text: 'first byte due' },
  gathering: { glyph: '●', tone: 'good', text: 'gathering' },
  relaying: { glyph: '●', tone: 'good', text: 'relaying' },
  stalled: { glyph: '▲', tone: 'warn', text: 'client stalls' },
  over: { glyph: '○', tone: 'calm', text: 'ending' },
}

/** A state that this page does not know. */
const other = (text: string): Mark => ({ glyph: '○', tone: 'calm', text: text.replaceAll('_', ' ') })

const show = ({ glyph, tone, text }: Mark) => (
  <span class={`mark ${tone}`}>
    <span class="glyph" aria-hidden="true">
      {glyph}
    </span>
    {text}
  </span>
)

export const EndpointMark = ({ status }: { status: EndpointStatus }) =>
  show(ofEndpoint[status] ?? other(status))
export const BreakerMark = ({ state }: { state: BreakerState }) => show(ofBreaker[state] ?? other(state))
export const OutcomeMark = ({ outcome }: { outcome: Outcome }) => show(ofOutcome[outcome] ?? other(outcome))
export const PhaseMark = ({ phase }: { phase: Phase }) => show(ofPhase[phase] ?? other(phase))

/** The mark of an endpoint in one glyph: an open circuit matters more than a good probe. */
export function glyphOf(status: EndpointStatus, circuit: BreakerState): Mark {
  const own = ofEndpoint[status] ?? other(status)
  if (circuit === 'closed' || own.tone === 'bad') return own
  const { tone, text } = ofBreaker[circuit] ?? other(circuit)
  return { glyph: circuit === 'open' ? '⊘' : '◐', tone, text: `circuit ${text}` }
}

const toneGlyphs: Readonly<Record<Tone, string>> = { good: '●', warn: '▲', bad: '✕', calm: '○' }

export const ToneMark = ({ tone, text }: { tone: Tone; text: string }) =>
  show({ glyph: toneGlyphs[tone], tone, text })
