import { type HostName, readHost } from '../../http/host-name.ts'

/** Origins as in `server.cors.allowed_origins`: one `*` in each may match any text, as in Olla. */
export class OriginList {
  readonly #exact: ReadonlySet<string>
  readonly #patterns: readonly { readonly start: string; readonly end: string }[]

  constructor(origins: readonly string[]) {
    const all = origins.map((origin) => origin.trim().toLowerCase())
    this.#exact = new Set(all.filter((origin) => !origin.includes('*')))
    this.#patterns = all
      .filter((origin) => origin.includes('*'))
      .map((origin) => {
        const at = origin.indexOf('*')
        return { start: origin.slice(0, at), end: origin.slice(at + 1) }
      })
  }

  has(origin: string): boolean {
    const lower = origin.toLowerCase()
    if (this.#exact.has(lower)) return true
    return this.#patterns.some(
      ({ start, end }) =>
        lower.length >= start.length + end.length && lower.startsWith(start) && lower.endsWith(end),
    )
  }
}

/**
 * Ollama's default: pages that this machine serves to itself, and applications whose windows are pages. `null` is not
 * among them: any page can obtain that origin with a sandboxed frame.
 */
const local =
  /^(?:https?:\/\/(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\]|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.localhost)(?::\d{1,5})?$|(?:app|file|tauri|vscode-webview|vscode-file):\/\/)/i

/** Whether an origin belongs to a program on this machine. */
export function isLocalOrigin(origin: string): boolean {
  return origin.length <= 512 && local.test(origin)
}

/**
 * Whether an origin is the one under which the client reached the gateway itself.
 * @param host a `Host` field
 */
export function isOriginOfHost(origin: string, host: string | undefined): boolean {
  const requested = host === undefined ? undefined : readHost(host)
  const page = readOrigin(origin)
  if (requested === undefined || page === undefined || requested.name !== page.name) return false
  // A proxy may forward the name without the port.
  return requested.port === undefined || requested.port === page.port
}

function readOrigin(origin: string): HostName | undefined {
  const match = /^(https?):\/\/([^/?#]+)$/i.exec(origin)
  if (match === null) return undefined
  const { 1: scheme = '', 2: authority = '' } = match
  const host = readHost(authority)
  return host && { name: host.name, port: host.port ?? (scheme.toLowerCase() === 'https' ? 443 : 80) }
}
