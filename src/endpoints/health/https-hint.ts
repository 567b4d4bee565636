import { isIP } from 'node:net'
import { connect } from 'node:tls'
import type { Clock } from '../../kernel/clock.ts'
import {
  FetchError,
  type FetchedAnswer,
  type FetchRequest,
  type UpstreamFetch,
} from '../connections/fetch.ts'

/** Checks whether a port speaks TLS: it completes a handshake or refuses it with a TLS alert. */
export type SpeaksTls = (url: URL, timeoutMs: number) => Promise<boolean>

/** Minimum time between two checks of one server. */
const recheckIntervalMs = 60_000
const handshakeMs = 1_000
const hint = 'it speaks TLS: use https'

/**
 * Wraps a fetch to report that an `http` URL leads to a TLS port. OpenSSL closes such a connection silently, nginx and
 * Go answer 400 in plain text.
 */
export function hintHttps(
  fetch: UpstreamFetch,
  clock: Clock,
  speaksTls: SpeaksTls = handshake,
): UpstreamFetch {
  const checked = new Map<string, { atMs: number; isTls: Promise<boolean> }>()
  const isTls = ({ url }: FetchRequest): Promise<boolean> => {
    const target = new URL(url)
    if (target.protocol !== 'http:') return Promise.resolve(false)
    const nowMs = clock.monotonicMs()
    const known = checked.get(target.host)
    if (known !== undefined && nowMs - known.atMs < recheckIntervalMs) return known.isTls
    const found = speaksTls(target, handshakeMs)
    checked.set(target.host, { atMs: nowMs, isTls: found })
    return found
  }
  return async (request) => {
    let answer: FetchedAnswer
    try {
      answer = await fetch(request)
    } catch (error) {
      if (isSilent(error) && (await isTls(request)))
        throw new FetchError({ kind: 'protocol', detail: hint, cause: error })
      throw error
    }
    if (answer.statusCode === 400 && (await isTls(request)))
      throw new FetchError({ kind: 'protocol', detail: hint })
    return answer
  }
}

/** Whether the connection ended without a reason. */
function isSilent(error: unknown): boolean {
  return error instanceof FetchError && (error.failure.kind === 'closed' || error.failure.kind === 'reset')
}

function handshake({ hostname, port }: URL, timeoutMs: number): Promise<boolean> {
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    // The check sends no data, so it accepts any certificate.
    const socket = connect({
      host,
      port: Number(port || 80),
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    })
    const timer = setTimeout(() => end(false), timeoutMs)
    socket.once('secureConnect', () => end(true))
    socket.once('error', (error) => end('code' in error && /_ALERT_/.test(String(error.code))))
    socket.once('close', () => end(false))

    function end(isTls: boolean): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(isTls)
    }
  })
}
