import type { GatewayEvent } from '../api/types.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'calm'

/** An event as a sentence. */
export interface EventText {
  readonly tone: Tone
  readonly text: string
  readonly detail: string
  /** What it happened to, where that is an endpoint. */
  readonly endpoint: string | undefined
}

type Data = GatewayEvent['data']
type Describe = (data: Data) => Pick<EventText, 'tone' | 'text'> & { readonly detail?: unknown }

const tones: Readonly<Record<string, Tone>> = {
  healthy: 'good',
  closed: 'good',
  busy: 'warn',
  warming: 'warn',
  half_open: 'warn',
  rate_limited: 'warn',
  draining: 'warn',
  drained: 'calm',
}
const toneOf = (state: unknown): Tone => tones[String(state)] ?? 'bad'

const words = (value: unknown) => String(value ?? '').replaceAll('_', ' ')
const count = (value: unknown) => (Array.isArray(value) ? value.length : 0)
const more = (value: unknown, word: string) => (count(value) === 0 ? '' : `${count(value)} ${word}`)
const percent = (part: unknown, whole: unknown) =>
  typeof part === 'number' && typeof whole === 'number' && whole > 0
    ? `${Math.floor((100 * part) / whole)} %`
    : ''
const names = (value: unknown) => (Array.isArray(value) ? value.join(', ') : '')

const described: Readonly<Record<string, Describe>> = {
  'endpoint.status': ({ from, to, reason }) => ({
    tone: toneOf(to),
    text: `${words(from)} → ${words(to)}`,
    detail: reason,
  }),
  'endpoint.detected': ({ profile }) => ({ tone: 'calm', text: `detected as ${words(profile)}` }),
  'endpoint.removed': () => ({ tone: 'calm', text: 'removed' }),
  'config.changed': ({ version, by, keys, needs_restart: waiting }) => ({
    tone: count(waiting) > 0 ? 'warn' : 'good',
    text: `configuration version ${words(version)}, by ${words(by)}`,
    detail: count(waiting) > 0 ? `needs a restart: ${names(waiting)}` : names(keys),
  }),
  'config.refused': ({ by, reason }) => ({
    tone: 'bad',
    text: `configuration refused, by ${words(by)}`,
    detail: reason,
  }),
  'provider.state': ({ provider, type, state, reason }) => ({
    tone: state === 'ok' ? 'good' : 'warn',
    text: `source of endpoints ${words(provider)} (${words(type)}) is ${words(state)}`,
    detail: reason,
  }),
  'model.operation': ({ operation, model, state, detail, completed, total, by }) => ({
    tone: state === 'failed' ? 'bad' : state === 'done' ? 'good' : 'calm',
    text: `${words(operation)} ${String(model)}: ${words(state)}`,
    detail: [detail, percent(completed, total), `by ${String(by)}`].filter((part) => part !== '').join(', '),
  }),
  'endpoint.wake': ({ state, reason }) => ({
    tone: state === 'awake' ? 'good' : state === 'sent' ? 'calm' : 'warn',
    text: `wake-up: ${words(state)}`,
    detail: reason,
  }),
  'breaker.transition': ({ from, to, reason }) => ({
    tone: toneOf(to),
    text: `circuit ${words(from)} → ${words(to)}`,
    detail: reason,
  }),
  'model.transition': ({ model, from, to, reason }) => ({
    tone: toneOf(to),
    text: `circuit of ${String(model)} ${words(from)} → ${words(to)}`,
    detail: reason,
  }),
  'discovery.completed': ({ models, added, removed }) => ({
    tone: 'calm',
    text: [`${String(models)} models`, more(added, 'new'), more(removed, 'gone')]
      .filter((part) => part !== '')
      .join(', '),
    detail: [names(added), names(removed)].filter((part) => part !== '').join('; gone: '),
  }),
  'discovery.failed': ({ reason, consecutive_failures: failures }) => ({
    tone: 'bad',
    text: `models could not be read, ${words(failures)} in a row`,
    detail: reason,
  }),
  'request.failover': ({ model, reason }) => ({
    tone: 'warn',
    text: `a request${model === null ? '' : ` for ${String(model)}`} moved on`,
    detail: reason,
  }),
  'request.cancelled': ({ model, by }) => ({
    tone: 'warn',
    text: `a request${model === null ? '' : ` for ${String(model)}`} was cancelled`,
    detail: `by ${words(by)}`,
  }),
  'queue.activity': ({ entered, served, left, refused, waiting }) => ({
    tone: Number(refused) > 0 ? 'warn' : 'calm',
    text: `queue: ${words(entered)} began to wait, ${words(served)} served, ${words(left)} left, ${words(refused)} refused`,
    detail: `${words(waiting)} wait`,
  }),
  'queue.moved': ({ model, by }) => ({
    tone: 'calm',
    text: `a waiting request${model === null ? '' : ` for ${String(model)}`} was moved up`,
    detail: `by ${words(by)}`,
  }),
  'limit.rejected': ({ kind, client }) => ({
    tone: 'warn',
    text: `${words(kind)} limit refused ${String(client)}`,
  }),
  'overload.level': ({ to, refuses, loopDelayMs }) => ({
    tone: to === 0 ? 'good' : 'bad',
    text: to === 0 ? 'no longer overloaded' : `overloaded: refuses ${words(refuses)} priority`,
    detail: `event loop ${words(loopDelayMs)} ms late`,
  }),
  'access.refused': ({ client, path, reason }) => ({
    tone: 'bad',
    text: `${String(client)} was refused ${String(path)}`,
    detail: reason,
  }),
  'callers.changed': ({ action, kind, name, by }) => ({
    tone: 'calm',
    text: `${words(kind)} ${String(name)}: ${words(action)}`,
    detail: `by ${words(by)}`,
  }),
  'callers.budget': ({ state, kind, name, counted, window, used, limit }) => ({
    tone: state === 'reached' ? 'bad' : 'warn',
    text: `budget of ${words(kind)} ${String(name)} ${state === 'reached' ? 'has refused a request' : 'is nearly used up'}`,
    detail: `${String(used)} of ${String(limit)} ${words(counted)}, ${words(window)}`,
  }),
  'callers.limit': ({ state, kind, name, counted, window, used, limit }) => ({
    tone: state === 'reached' ? 'bad' : 'warn',
    text: `limit of ${words(kind)} ${String(name)} ${state === 'reached' ? 'has refused a request' : 'is nearly reached'}`,
    detail: `${String(used)} of ${String(limit)} ${words(counted)}, ${words(window)}`,
  }),
  'callers.store': ({ state, reason }) => ({
    tone: state === 'available' ? 'good' : 'bad',
    text: `store of callers ${words(state)}`,
    detail: reason,
  }),
  'callers.issuer': ({ state, issuer, reason }) => ({
    tone: state === 'available' ? 'good' : 'bad',
    text: `keys of the token issuer ${words(state)}`,
    detail: reason ?? issuer,
  }),
  'callers.ledger': ({ state, reason, pending_rows: rows }) => ({
    tone: state === 'writable' ? 'good' : 'bad',
    text: `ledger of callers ${words(state)}`,
    detail: reason ?? `${words(rows)} rows in memory`,
  }),
  'cluster.state': ({ state, reason }) => ({
    tone: state === 'joined' ? 'good' : 'bad',
    text: state === 'joined' ? 'joined the cluster' : 'server of the cluster is away',
    detail: reason,
  }),
  'cluster.member': ({ replica, action }) => ({
    tone: 'calm',
    text: `replica ${words(replica)} ${words(action)}`,
  }),
  'callers.webhook': ({ state, origin, reason, pending }) => ({
    tone: state === 'delivering' ? 'good' : 'bad',
    text: `webhook ${String(origin)} ${state === 'delivering' ? 'accepts messages again' : 'does not accept messages'}`,
    detail: reason ?? `${words(pending)} messages wait`,
  }),
  'lifecycle.phase': ({ phase, in_flight: inFlight }) => ({
    tone: phase === 'ready' ? 'good' : 'warn',
    text: `gateway ${words(phase)}`,
    detail: `${words(inFlight)} in flight`,
  }),
  'thread.started': ({ thread, reason }) => ({
    tone: 'calm',
    text: `thread ${words(thread)} started`,
    detail: reason,
  }),
  'thread.stopped': ({ thread, reason, cut }) => ({
    tone: 'warn',
    text: `thread ${words(thread)} stopped${Number(cut) > 0 ? `, ${words(cut)} requests cut` : ''}`,
    detail: reason,
  }),
}

/** A type that this page does not know is shown with its data as they are. */
export function describeEvent({ type, data }: GatewayEvent): EventText {
  const endpoint = data.endpoint ?? (type === 'request.failover' ? data.from : undefined)
  const known = described[type]?.(data)
  return {
    tone: known?.tone ?? 'calm',
    text: known?.text ?? type,
    detail: known === undefined ? JSON.stringify(data) : String(known.detail ?? ''),
    endpoint: typeof endpoint === 'string' ? endpoint : undefined,
  }
}

/** A list that was read again and is the same is not news. */
export function isNews({ type, data }: GatewayEvent): boolean {
  return type !== 'discovery.completed' || count(data.added) + count(data.removed) > 0
}
