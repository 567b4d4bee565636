import { Readable } from 'node:stream'
import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'
import { headerValue } from '../../../http/headers/response-headers.ts'
import { EndpointCall } from './endpoint-call.ts'
import { jsonAnswer, type ManagementAnswer, type ManagementRun, requestTo } from './management.ts'

/**
 * Passes the progress of a single endpoint on as it is. The line that reports the success waits until the gateway
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
  const success = new SuccessHold()
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
      const passed = status < 300 ? success.push(chunk) : chunk
      return passed.length === 0 || (out?.push(passed) ?? true)
    },
    onEnd() {
      outcome(status, status < 300 ? undefined : `HTTP ${status}`)
      const finish = () => {
        if (success.held.length > 0) out?.push(success.held)
        out?.push(null)
      }
      if (!success.isFound || !request.operation.changesModels) finish()
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

const successText = '"success"'
const lineFeed = 0x0a
/** Lines of progress are short: more than this passes. */
const maxHeldBytes = 65_536

/** Holds back the line that reports the success, and everything after it; of other lines, what is incomplete. */
class SuccessHold {
  held: Buffer = Buffer.alloc(0)
  isFound = false

  /** @returns what may pass */
  push(chunk: Buffer): Buffer {
    const bytes = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk])
    const at = this.isFound ? 0 : bytes.indexOf(successText)
    this.isFound ||= at >= 0
    const from = this.isFound ? bytes.lastIndexOf(lineFeed, at) + 1 : bytes.lastIndexOf(lineFeed) + 1
    const start = bytes.length - from > maxHeldBytes ? bytes.length : from
    this.held = bytes.subarray(start)
    return bytes.subarray(0, start)
  }
}
