import type { SectionOptions } from '../../config/options/sections.ts'
import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { LinePlace } from '../../routing/line/line-ticket.ts'
import { Heartbeat } from '../answer/heartbeat.ts'
import type { ExchangeRequest, KeepAlive } from '../contract/exchange-request.ts'

/** Services that telling a waiting client its position uses. */
export interface TalkServices {
  readonly clock: Clock
  readonly options: Pick<SectionOptions<'proxy'>, 'queue'>
}

export interface TalkTarget {
  /** Where the request stands now; undefined if it does not wait. */
  place(): LinePlace | undefined
  send(event: KeepAlive): void
}

const empty: Buffer = Buffer.alloc(0)
const space = Buffer.from(' ')
const jsonHeaders = ['Content-Type', 'application/json; charset=utf-8']

/**
 * Shows a waiting client its position, if that is configured: with events of its dialect in a stream, with white
 * space before JSON. The client has a status line from then on.
 * @returns undefined if the client must hear nothing before its answer
 */
export function lineTalk(
  { clock, options: { queue } }: TalkServices,
  request: ExchangeRequest,
  target: TalkTarget,
): Heartbeat | undefined {
  if (queue.progressIntervalMs === 0) return undefined
  const write = writerFor(queue, request, clock)
  if (write === undefined) return undefined
  return new Heartbeat(clock, queue.progressIntervalMs, () => {
    const place = target.place()
    if (place !== undefined) target.send(write(place))
  })
}

function writerFor(
  { earlyHeaders, showProgress, jsonPadding }: SectionOptions<'proxy'>['queue'],
  { context, path, inspection, method }: ExchangeRequest,
  clock: Pick<Clock, 'nowMs'>,
): ((place: LinePlace) => KeepAlive) | undefined {
  const { dialect, id, model } = context
  const { waiting } = dialect
  const form = answerFormOf(method, path)
  if (inspection === undefined || form === undefined) return undefined
  const isStream =
    form.stream !== undefined &&
    (form.assembly?.streamsByDefault === true ? !inspection.isStreamOff : inspection.isStream)
  if (!isStream) {
    if (!jsonPadding) return undefined
    const event: KeepAlive = { intervalMs: 0, event: space, headers: jsonHeaders, format: 'other' }
    return () => event
  }
  if (!earlyHeaders || waiting === undefined) return undefined
  const { headers, format } = waiting
  return (place) => {
    const text = textOf(place)
    const line =
      showProgress === 'reasoning'
        ? waiting.reasoning?.(path, { text: `${text}\n`, id, model: model ?? '', nowMs: clock.nowMs() })
        : undefined
    const event = line ?? waiting.note(text)
    return { intervalMs: 0, event: event === '' ? empty : Buffer.from(event), headers, format }
  }
}

function textOf({ position, waitMs }: LinePlace): string {
  const about = waitMs === undefined ? '' : `, about ${Math.max(1, Math.ceil(waitMs / 1_000))} s`
  return `Waiting in line: position ${position}${about}.`
}
