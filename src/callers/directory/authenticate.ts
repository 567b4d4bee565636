import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../../kernel/errors.ts'
import type { ExternalIdentity } from '../identity/external-identity.ts'
import { noTeamRules } from '../identity/team-rules.ts'
import type { TrustedHeader } from '../identity/trusted-header.ts'
import type { ConnectionHashes } from '../keys/connection-hashes.ts'
import { isKey, maxKeyLength } from '../keys/key-text.ts'
import { presentedKey } from '../keys/presented-key.ts'
import type { Entry, EntryRefusal } from '../policy/entry-rules.ts'
import { insufficientToken, invalidToken } from '../tokens/refusals.ts'
import type { TokenAnswer, TokenCallers } from '../tokens/token-callers.ts'
import { presentedToken } from '../tokens/token-form.ts'
import type { CallerDirectory, KeyRefusal } from './directory.ts'
import type { ExternalRefusal, FoundExternal } from './external-callers.ts'
import type { KnownCaller } from './known-caller.ts'
import type { RecentCallers } from './recent-callers.ts'

/** Limits wrong keys and tokens per client. */
export interface WrongKeyTries {
  /** Takes a try. @returns milliseconds until the next one; 0 if there was one */
  take(client: string, nowMs: number): number
}

export interface AuthenticationServices {
  readonly directory: Pick<CallerDirectory, 'find' | 'external' | 'version'>
  /** Undefined looks up every key. */
  readonly recent?: Pick<RecentCallers, 'note'> | undefined
  readonly hashes: Pick<ConnectionHashes, 'of'>
  /** Undefined without a limit. */
  readonly tries: WrongKeyTries | undefined
  /** Whether the directory has all keys; a new one may be missing while the store is away. */
  readonly isCurrent: () => boolean
  /** Undefined if no tokens are accepted. */
  readonly tokens?: Pick<TokenCallers<FoundExternal>, 'find'> | undefined
  /** Undefined if no proxy names callers. */
  readonly trustedHeader?: Pick<TrustedHeader, 'identityOf'> | undefined
}

/** A request as far as authentication needs it. */
export interface AuthenticatedRequest {
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  /** Its connection: any object that lives as long. */
  readonly connection: object
  /** Address of the connection. */
  readonly peer: string
  /** Key under which wrong keys of the client are counted. */
  readonly client: string
  /** How the host names the caller; undefined if it does not. */
  readonly named: string | undefined
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

const externalMessages: Readonly<Record<ExternalRefusal, string>> = {
  disabled: 'The caller is disabled.',
  no_team: 'The caller has no team here.',
}

const entryMessages: Readonly<Record<EntryRefusal, string>> = {
  dialect: 'The API key may not use this API.',
  route: 'The API key may not use this route.',
  network: 'The API key may not be used from this address.',
}

/**
 * Finds the caller of a request: by its key, else by its token, else by a trusted proxy's header, else by the host's
 * name for it. What is presented must be valid: nothing that comes later in this order makes up for it. Only a text
 * that has the form of neither a key nor a token, which many clients send as a placeholder, does not count then.
 * @returns a promise only if a new token has to be verified
 * @throws GatewayError if nothing identifies the caller, or what does is not accepted
 */
export function authenticate(
  services: AuthenticationServices,
  request: AuthenticatedRequest,
): KnownCaller | Promise<KnownCaller> {
  const { directory, tokens, trustedHeader } = services
  const { headers, nowMs, named } = request
  const key = presentedKey(headers)
  const token =
    tokens === undefined || (key !== undefined && isKey(key)) ? undefined : presentedToken(headers)
  if (tokens !== undefined && token !== undefined) {
    const answer = tokens.find(token, request.connection, nowMs)
    if (answer instanceof Promise) return answer.then((found) => ofToken(found, services, request))
    return ofToken(answer, services, request)
  }
  if (key !== undefined) {
    const known = byKey(services, request, key)
    if (known !== undefined) return known
    if (isKey(key)) throw wrongKey(services, request)
  }
  const identity = trustedHeader?.identityOf(request)
  if (identity !== undefined) return admitted(directory.external(identity))
  if (named !== undefined) return admitted(directory.external(namedByHost(named)))
  if (key !== undefined) throw wrongKey(services, request)
  throw refusal(tokens === undefined ? keyNeeded : tokenNeeded)
}

const keyNeeded = 'An API key is required: send it as "Authorization: Bearer <key>".'
const tokenNeeded = 'An API key or a token is required: send it as "Authorization: Bearer <token>".'

/** A host identifies callers by a name alone. */
export function namedByHost(name: string): ExternalIdentity {
  return { kind: 'caller', id: name, name, owner: name, groups: [], rules: noTeamRules }
}

/** @returns undefined if there is no such key */
function byKey(
  { directory, hashes, recent }: AuthenticationServices,
  { connection, headers, nowMs }: AuthenticatedRequest,
  key: string,
): KnownCaller | undefined {
  const isTooLong = key.length > maxKeyLength
  const found = directory.find(hashes.of(connection, isTooLong ? key.slice(0, maxKeyLength) : key), nowMs)
  if (found === undefined || isTooLong) return undefined
  if (found.refusal !== undefined) throw refusal(keyMessages[found.refusal])
  recent?.note(connection, headers, key, found, directory.version)
  return found.caller
}

function ofToken(
  answer: TokenAnswer<FoundExternal>,
  services: AuthenticationServices,
  request: AuthenticatedRequest,
): KnownCaller {
  if (answer.caller !== undefined) return admitted(answer)
  if (answer.refusal === 'required') throw insufficientToken()
  if (answer.refusal === 'unavailable') throw unavailable('The token cannot be verified now.')
  throw tooMany(services, request, 'Too many wrong tokens.') ?? invalidToken(answer.refusal)
}

function admitted({ caller, refusal: reason }: FoundExternal): KnownCaller {
  if (reason === undefined) return caller
  throw new GatewayError('forbidden', externalMessages[reason])
}

/** @throws GatewayError if a policy refuses a request by its head */
export function checkEntry({ entry: rules }: KnownCaller, entry: Entry): void {
  for (const each of rules) {
    const reason = each.refusal(entry)
    if (reason !== undefined) throw new GatewayError('forbidden', entryMessages[reason])
  }
}

function wrongKey(services: AuthenticationServices, request: AuthenticatedRequest): GatewayError {
  const limited = tooMany(services, request, 'Too many wrong API keys.')
  if (limited !== undefined) return limited
  return services.isCurrent() ? refusal('The API key is not valid.') : unavailable()
}

/** @returns undefined if the client has another try */
function tooMany(
  { tries }: AuthenticationServices,
  { client, monotonicMs }: AuthenticatedRequest,
  message: string,
): GatewayError | undefined {
  const waitMs = tries?.take(client, monotonicMs) ?? 0
  if (waitMs <= 0) return undefined
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new GatewayError('rate_limited', message, { retryAfterSeconds })
}

function unavailable(message?: string): GatewayError {
  return new GatewayError('callers_unavailable', message, { retryAfterSeconds: retrySeconds })
}

function refusal(message: string): GatewayError {
  return new GatewayError('invalid_api_key', message, { headers: challenge })
}
