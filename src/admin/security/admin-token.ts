import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** How long a browser stays logged in. */
export const sessionMs = 12 * 3_600_000

const cookieName = 'olla_gateway_admin'

/**
 * The admin token, and sessions of browsers that have presented it. A session is a cookie with its expiry time and a
 * keyed hash of it, so that every thread can verify it and the gateway stores nothing; a new token ends all sessions.
 * The cookie never contains the token itself.
 */
export class AdminToken {
  readonly #digest: Buffer
  readonly #sessionKey: Buffer

  constructor(token: string) {
    this.#digest = digest(token)
    this.#sessionKey = createHmac('sha256', token).update('olla-gateway session key').digest()
  }

  /** Compares in constant time; digests, because lengths would leak too. */
  matches(text: string): boolean {
    return timingSafeEqual(digest(text), this.#digest)
  }

  /** Creates the value of a session cookie. */
  createSession(nowMs: number): string {
    const end = String(nowMs + sessionMs)
    return `${end}.${this.#sign(end)}`
  }

  /** @param cookie the `Cookie` header */
  hasSession(cookie: string | undefined, nowMs: number): boolean {
    const value = cookieValue(cookie, cookieName)
    const mark = value?.indexOf('.') ?? -1
    if (value === undefined || mark < 0) return false
    const end = value.slice(0, mark)
    const isGenuine = timingSafeEqual(digest(value.slice(mark + 1)), digest(this.#sign(end)))
    return isGenuine && Number(end) > nowMs
  }

  #sign(end: string): string {
    return createHmac('sha256', this.#sessionKey).update(end).digest('base64url')
  }
}

/**
 * Formats `Set-Cookie` for a session, or to end one.
 * @param value from `createSession`; undefined ends the session
 */
export function sessionCookie(
  value: string | undefined,
  scope: { readonly path: string; readonly isSecure: boolean },
): string {
  const age = value === undefined ? 0 : sessionMs / 1000
  const secure = scope.isSecure ? '; Secure' : ''
  return `${cookieName}=${value ?? ''}; Path=${scope.path}; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`
}

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const mark = part.indexOf('=')
    if (mark > 0 && part.slice(0, mark).trim() === name) return part.slice(mark + 1).trim()
  }
  return undefined
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
