import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../../kernel/errors.ts'
import type { ConnectionHashes } from '../keys/connection-hashes.ts'
import { maxKeyLength } from '../keys/key-text.ts'
import { presentedKey } from '../keys/presented-key.ts'
import type { Entry, EntryRefusal } from '../policy/entry-rules.ts'
import type { CallerDirectory, KeyRefusal } from './directory.ts'
import type { KnownCaller } from './known-caller.ts'

/** Limits wrong keys per client. */
export interface WrongKeyTries {
  /** Takes a try. @returns milliseconds until the next one; 0 if there was one */
  take(client: string, nowMs: number): number
}

export interface AuthenticationServices {
  readonly directory: Pick<CallerDirectory, 'find'>
  readonly hashes: Pick<ConnectionHashes, 'of'>
  /** Undefined without a limit. */
  readonly tries: WrongKeyTries | undefined
  /** Whether the directory has all keys; a new one may be missing while the store is away. */
  readonly isCurrent: () => boolean
}

/** A request as far as authentication needs it. */
export interface AuthenticatedRequest {
  readonly headers: IncomingHttpHeaders
  /** Its connection: any object that lives as long. */
  readonly connection: object
  /** Key under which wrong keys of the client are counted. */
  readonly client: string
  readonly nowMs: number
  readonly monotonicMs: number
}

const challenge = ['WWW-Authenticate', 'Bearer']
const retrySeconds = 2

const keyMessages: Readonly<Record<KeyRefusal, string>> = {
  disabled: 'The API key is disabled.',
  expired: 'The API key has expired.',
  replaced: 'The API key has been replaced by another.',
}

const entryMessages: Readonly<Record<EntryRefusal, string>> = {
  dialect: 'The API key may not use this API.',
  route: 'The API key may not use this route.',
  network: 'The API key may not be used from this address.',
}

/**
 * Finds the caller of a request by the key in its headers.
 * @throws GatewayError if there is no key, or it is not accepted
 */
export function authenticate(
  { directory, hashes, tries, isCurrent }: AuthenticationServices,
  { headers, connection, client, nowMs, monotonicMs }: AuthenticatedRequest,
): KnownCaller {
  const key = presentedKey(headers)
  if (key === undefined) throw refusal('An API key is required: send it as "Authorization: Bearer <key>".')
  const isTooLong = key.length > maxKeyLength
  const found = directory.find(hashes.of(connection, isTooLong ? key.slice(0, maxKeyLength) : key), nowMs)
  if (found === undefined || isTooLong) throw wrongKey(tries, isCurrent, client, monotonicMs)
  if (found.refusal !== undefined) throw refusal(keyMessages[found.refusal])
  return found.caller
}

/** @throws GatewayError if a policy refuses a request by its head */
export function checkEntry({ entry: rules }: KnownCaller, entry: Entry): void {
  for (const each of rules) {
    const reason = each.refusal(entry)
    if (reason !== undefined) throw new GatewayError('forbidden', entryMessages[reason])
  }
}

function wrongKey(
  tries: WrongKeyTries | undefined,
  isCurrent: () => boolean,
  client: string,
  monotonicMs: number,
): GatewayError {
  const waitMs = tries?.take(client, monotonicMs) ?? 0
  if (waitMs > 0) {
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
    return new GatewayError('rate_limited', 'Too many wrong API keys.', { retryAfterSeconds })
  }
  return isCurrent()
    ? refusal('The API key is not valid.')
    : new GatewayError('callers_unavailable', undefined, { retryAfterSeconds: retrySeconds })
}

function refusal(message: string): GatewayError {
  return new GatewayError('invalid_api_key', message, { headers: challenge })
}
