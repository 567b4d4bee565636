import { isRoutable } from '../../kernel/endpoint-status.ts'
import type { GatewayEvent } from '../../runtime/events/events.ts'
import type { LineLevel } from './request-line.ts'

export interface EventLine {
  readonly level: LineLevel
  readonly message: string
}

/** A continuing failure is logged the first time and then every nth time (contract 4). */
const everyNthFailure = 5

const wakeLines: Readonly<Record<'sent' | 'failed' | 'awake' | 'no_answer', EventLine>> = {
  sent: { level: 'info', message: 'magic packet sent to wake the endpoint' },
  failed: { level: 'warn', message: 'magic packet could not be sent' },
  awake: { level: 'info', message: 'endpoint is awake' },
  no_answer: { level: 'warn', message: 'endpoint did not wake up in time' },
}

/** @returns undefined if the event is not logged */
export function eventLine(event: GatewayEvent): EventLine | undefined {
  switch (event.type) {
    case 'endpoint.status': {
      const { to } = event.data
      // Someone has asked for a drain.
      const isExpected = isRoutable(to) || to === 'draining' || to === 'drained'
      return { level: isExpected ? 'info' : 'warn', message: `endpoint is ${to}` }
    }
    case 'breaker.transition':
      return { level: event.data.to === 'open' ? 'warn' : 'info', message: `circuit is ${event.data.to}` }
    case 'model.transition':
      return {
        level: event.data.to === 'open' ? 'warn' : 'info',
        message: `model circuit is ${event.data.to}`,
      }
    case 'discovery.completed': {
      const { added, removed, ignored } = event.data
      const isNews = added.length + removed.length > 0
      if (isNews && ignored > 0)
        return { level: 'warn', message: 'models discovered; the list is too long, and its end is ignored' }
      return { level: isNews ? 'info' : 'debug', message: 'models discovered' }
    }
    case 'discovery.failed': {
      const { consecutiveFailures } = event.data
      const isDue = consecutiveFailures === 1 || consecutiveFailures % everyNthFailure === 0
      return isDue ? { level: 'warn', message: 'model discovery failed' } : undefined
    }
    case 'endpoint.detected':
      return { level: 'info', message: `endpoint type detected: ${event.data.profile}` }
    case 'endpoint.removed':
      return { level: 'info', message: 'endpoint removed' }
    case 'config.changed':
      return {
        level: event.data.needsRestart.length > 0 ? 'warn' : 'info',
        message: `configuration version ${event.data.version} is in force`,
      }
    case 'config.refused':
      return { level: 'error', message: 'configuration refused; the present one stays' }
    case 'provider.state':
      return event.data.state === 'ok'
        ? { level: 'info', message: 'source of endpoints can be read again' }
        : { level: 'warn', message: 'source of endpoints cannot be read; its endpoints stay' }
    case 'model.operation': {
      const { operation, state, completed } = event.data
      const words = operation.replaceAll('_', ' ')
      if (state === 'running')
        return {
          level: completed === undefined ? 'info' : 'debug',
          message: `model operation runs: ${words}`,
        }
      return {
        level: state === 'failed' ? 'warn' : 'info',
        message: `model operation ${state}: ${words}`,
      }
    }
    case 'endpoint.wake':
      return wakeLines[event.data.state]
    case 'request.failover':
      return { level: 'warn', message: 'request fails over' }
    case 'queue.activity':
      return { level: event.data.refused > 0 ? 'warn' : 'debug', message: 'requests waited' }
    case 'queue.moved':
      return { level: 'warn', message: 'waiting request moved up' }
    case 'request.cancelled':
      return { level: 'warn', message: 'request cancelled' }
    case 'overload.level':
      return event.data.to === 0
        ? { level: 'info', message: 'gateway is no longer overloaded' }
        : {
            level: event.data.to > event.data.from ? 'warn' : 'info',
            message: `gateway is overloaded: it refuses requests of ${event.data.refuses.join(', ')} priority`,
          }
    case 'access.refused':
      return { level: 'warn', message: 'access refused' }
    case 'callers.changed':
      return { level: 'info', message: `${event.data.kind} ${pastOf[event.data.action]}` }
    case 'callers.budget':
      return {
        level: 'warn',
        message:
          event.data.state === 'soft'
            ? `a budget of a ${event.data.kind} is nearly used up`
            : `a budget of a ${event.data.kind} has refused a request`,
      }
    case 'callers.limit':
      return {
        level: 'warn',
        message:
          event.data.state === 'soft'
            ? `a limit of a ${event.data.kind} is nearly reached`
            : `a limit of a ${event.data.kind} has refused a request`,
      }
    case 'callers.store':
      return {
        level: event.data.state === 'available' ? 'info' : 'error',
        message: `store of callers is ${event.data.state}`,
      }
    case 'callers.ledger':
      return {
        level: event.data.state === 'writable' ? 'info' : 'error',
        message: `ledger of callers is ${event.data.state}`,
      }
    case 'callers.issuer':
      return {
        level: event.data.state === 'available' ? 'info' : 'error',
        message: `keys of the token issuer are ${event.data.state}`,
      }
    case 'cluster.state':
      return event.data.state === 'joined'
        ? { level: 'info', message: 'replica has joined the cluster' }
        : { level: 'error', message: 'server of the cluster is away: limits are shares' }
    case 'cluster.member':
      return { level: 'info', message: `replica ${event.data.action}` }
    case 'callers.webhook':
      return event.data.state === 'delivering'
        ? { level: 'info', message: 'webhook accepts messages again' }
        : { level: 'error', message: 'webhook does not accept messages' }
    case 'thread.started':
      return { level: 'info', message: 'serving thread has started' }
    case 'thread.stopped':
      return { level: event.data.reason === null ? 'info' : 'error', message: 'serving thread has stopped' }
    case 'lifecycle.phase':
      // The command logs this once the port is open.
      if (event.data.phase === 'ready') return undefined
      return { level: 'info', message: `gateway is ${event.data.phase}` }
    case 'limit.rejected':
      // The request's own line reports it.
      return undefined
  }
}

const pastOf = { create: 'created', update: 'changed', rotate: 'rotated', delete: 'deleted' } as const

/** Maximum names of a list in a line; other members count the rest. */
const maxNames = 50

/** Shortens an event for a log line, because lists of models may be long. */
export function boundedFields(data: object): object {
  const lists = Object.entries(data).filter(([, value]) => Array.isArray(value) && value.length > maxNames)
  if (lists.length === 0) return data
  const cut = lists.map(([key, value]) => [
    key,
    [...value.slice(0, maxNames), `… ${value.length - maxNames} more`],
  ])
  return { ...data, ...Object.fromEntries(cut) }
}
