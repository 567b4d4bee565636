/** A connection to the server, or to the group of servers. */
export interface RedisLink {
  /** Whether commands can be sent. */
  readonly isReady: boolean
  /**
   * Sends one command. Rejects at once without a connection, and never sends a command twice.
   * @param key decides which node of a cluster gets it
   */
  send(key: string, args: readonly string[]): Promise<unknown>
  /** Closes it at once; pending commands are rejected. */
  destroy(): void
}

export interface RedisLinkEvents {
  /** The connection can be used; may be called again after a loss. */
  readonly onReady: () => void
  /** The connection failed or was lost. @param reason safe to show */
  readonly onLost: (reason: string) => void
  readonly onMessage: (text: string) => void
}

/** Opens a connection; returns at once. */
export type OpenLink = (events: RedisLinkEvents) => RedisLink

/** The server cannot be used now; the message is safe to show. */
export class ServerAwayError extends Error {
  override readonly name = 'ServerAwayError'
}

/** A failure's name, safe to show: the error code of the server, or of the connection. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error instanceof ServerAwayError) return error.message
  const [first = ''] = error.message.split(' ')
  if (/^[A-Z]{2,20}$/.test(first)) return first
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.name === 'Error' ? 'connection error' : error.name
}
