import { Readable } from 'node:stream'
import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'
import { headerValue } from '../../../http/headers/response-headers.ts'
import { EndpointCall } from './endpoint-call.ts'
import { jsonAnswer, type ManagementAnswer, type ManagementRun, requestTo } from './management.ts'

const success = '"success"'

/**
 * Passes the progress of a single endpoint on as it is. The chunk that reports the success waits until the gateway
 * knows the new models, because clients stop reading there.
 */
export function relayProgress(run: ManagementRun, endpoint: Endpoint): Promise<ManagementAnswer> {
  const { request, services, signal } = run
  const { promise, resolve } = Promise.withResolvers<ManagementAnswer>()
  const startedMs = services.clock.monotonicMs()
  const outcome = (statusCode: number | undefined, failure: string | undefined) =>
    run.onOutcome({
      endpoint,
      statusCode,
      failure,
      durationMs: services.clock.monotonicMs() - startedMs,
    })
  let out: Readable | undefined
  let status = 502
  let held: Buffer | undefined
  const call = new EndpointCall(services, endpoint, {
    onHead(statusCode, headers) {
      status = statusCode
      out = new Readable({
        read: () => call.resume(),
        destroy: (error, destroyed) => {
          abort()
          destroyed(error)
        },
      })
      resolve({ statusCode, contentType: headerValue(headers, 'content-type'), body: out })
    },
    onData(chunk) {
      const isHeld = held !== undefined || (status < 300 && chunk.includes(success))
      if (!isHeld) return out?.push(chunk) ?? true
      held = held === undefined ? chunk : Buffer.concat([held, chunk])
      return true
    },
    onEnd() {
      outcome(status, status < 300 ? undefined : `HTTP ${status}`)
      const finish = () => {
        if (held !== undefined) out?.push(held)
        out?.push(null)
      }
      if (held === undefined || !request.operation.changesModels) finish()
      else void run.succeeded([endpoint]).finally(finish)
    },
    onFailed(reason) {
      outcome(undefined, reason)
      const error = `${endpoint.name}: ${reason}`
      if (out === undefined) resolve(jsonAnswer(502, { error }))
      else {
        out.push(`${JSON.stringify({ error })}\n`)
        out.push(null)
      }
    },
  })
  const abort = () => call.fail('the client closed the connection')
  signal.addEventListener('abort', abort)
  call.send(requestTo(endpoint, request, request.body))
  return promise
}
