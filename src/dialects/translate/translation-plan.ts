import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { messagesRefusals } from '../errors/refusals.ts'
import type { Format } from '../hub/format.ts'
import type { ClientFormat, TranslatedFormat } from './request-translation.ts'
import { speaksMessages } from './speaks-messages.ts'
import type { WholeOperation } from './whole-operations.ts'

/** Nearly every server has them, so that a request for them costs nothing extra before one turns out not to. */
const neverLacking: ReadonlySet<string> = new Set(['chat', 'embeddings'])

const unlimited = { names: [], version: undefined }

/** What the gateway knows about the APIs of endpoints. */
export interface EndpointApis {
  /** Undefined if unknown. */
  serves(endpoint: Endpoint, path: string, model?: string): boolean | undefined
  serverVersion(slot: number): string | undefined
  /** Increases whenever a result of the other two may have changed; undefined if nothing may be cached. */
  readonly version?: () => number
}

/** How a request in a format reaches an endpoint. */
export interface FormatRoute {
  /** Whether the endpoint has the format itself; undefined if unknown. */
  readonly speaks: boolean | undefined
  /** The formats to which the request can be translated, best first. */
  readonly targets: readonly Format[]
}

/** Routes to one endpoint while nothing changes. */
interface KnownRoutes {
  readonly version: number
  readonly refusesMessages: boolean
  /** By format and model. */
  readonly routes: Map<Format, Map<string | undefined, FormatRoute>>
}

/** Models of an endpoint for which routes are cached. */
const maxCachedModels = 1_000

/** A model at an endpoint; without a model, whatever the endpoint serves. */
export type ServedModel = Pick<RoutedEndpoint, 'endpoint' | 'nativeModel'>

/** For servers of no known kind. */
const genericProfile = 'openai-compatible'

/** Knows which formats an endpoint speaks, and to which of them a client's request can be translated. */
export class TranslationPlan {
  readonly #formats: readonly Format[]
  readonly #operations: readonly WholeOperation[]
  readonly #apis: EndpointApis
  readonly #byPath: ReadonlyMap<string, ClientFormat>
  readonly #known = new WeakMap<Endpoint, KnownRoutes>()

  /**
   * @param formats best first
   * @param operations those without streams, best first
   */
  constructor(formats: readonly Format[], apis: EndpointApis, operations: readonly WholeOperation[] = []) {
    this.#formats = formats
    this.#operations = operations
    this.#apis = apis
    const clients = new Map<string, ClientFormat>()
    // The first operation on a path stands for it; the request itself says which one it is.
    for (const format of [...formats, ...operations]) {
      if (clients.has(format.path)) continue
      clients.set(format.path, {
        format,
        mayLackPath: !neverLacking.has(format.name),
        translates: (candidate) => this.target(format, candidate) !== undefined,
      })
    }
    this.#byPath = clients
  }

  /** The format of a client's request. @param path without the prefix of its route */
  formatOf(path: string): ClientFormat | undefined {
    return this.#byPath.get(path)
  }

  /** Whether an endpoint has a format itself; undefined if unknown. */
  speaks(format: TranslatedFormat, { endpoint, nativeModel }: ServedModel): boolean | undefined {
    const { profile, slot } = endpoint
    if ('family' in format) return this.#apis.serves(endpoint, format.path, nativeModel)
    if (format.name !== 'messages') return this.#apis.serves(endpoint, pathAt(profile, format), nativeModel)
    const isListed =
      speaksMessages(profile, this.#apis.serverVersion(slot)) && !messagesRefusals.has(endpoint)
    return isListed && this.#apis.serves(endpoint, format.path, nativeModel) !== false
  }

  /**
   * Whether an endpoint may have a format that is not known of it: the profile of a generic server lists only what all of
   * them have, so a request shows what the endpoint has beyond that.
   */
  maySpeak({ name }: Format, { endpoint: { profile } }: ServedModel): boolean {
    return isGenericProfile(profile) && name === 'responses'
  }

  /** What an endpoint's route for a format does not support, and the version that the endpoint reports. */
  limitations(
    { name }: Format,
    { endpoint: { profile, slot } }: ServedModel,
  ): { readonly names: readonly string[]; readonly version: string | undefined } {
    const names =
      name === 'responses'
        ? profile?.responses.limitations
        : name === 'messages'
          ? profile?.anthropic.limitations
          : undefined
    if (names === undefined || names.length === 0) return unlimited
    return { names, version: this.#apis.serverVersion(slot) }
  }

  /** How a request reaches an endpoint. Asking for every format of every request would cost more than its translation. */
  route(from: Format, candidate: ServedModel): FormatRoute {
    const { endpoint, nativeModel } = candidate
    const version = this.#apis.version?.()
    if (version === undefined) return this.#route(from, candidate)
    const refusesMessages = messagesRefusals.has(endpoint)
    let known = this.#known.get(endpoint)
    if (known?.version !== version || known.refusesMessages !== refusesMessages) {
      known = { version, refusesMessages, routes: new Map() }
      this.#known.set(endpoint, known)
    }
    let byModel = known.routes.get(from)
    if (byModel === undefined || byModel.size >= maxCachedModels) {
      byModel = new Map()
      known.routes.set(from, byModel)
    }
    let route = byModel.get(nativeModel)
    if (route === undefined) {
      route = this.#route(from, candidate)
      byModel.set(nativeModel, route)
    }
    return route
  }

  #route(from: Format, candidate: ServedModel): FormatRoute {
    return { speaks: this.speaks(from, candidate), targets: this.targets(from, candidate) }
  }

  /** The formats to which a request can be translated for an endpoint, best first. */
  targets(from: Format, candidate: ServedModel): Format[] {
    return this.#formats.filter((format) => format !== from && this.speaks(format, candidate) === true)
  }

  /** The same for an operation without streams. */
  operations(from: WholeOperation, candidate: ServedModel): WholeOperation[] {
    const { endpoint, nativeModel } = candidate
    return this.#operations.filter((operation) => {
      if (operation.family !== from.family || operation.isForClientsOnly) return false
      const path = operationPathAt(endpoint.profile, operation)
      return path !== from.path && this.#apis.serves(endpoint, path, nativeModel) === true
    })
  }

  /** The best of them. */
  target(from: TranslatedFormat, candidate: ServedModel): TranslatedFormat | undefined {
    return 'family' in from ? this.operations(from, candidate)[0] : this.targets(from, candidate)[0]
  }
}

/** Whether a profile says little about what its servers have. */
export function isGenericProfile(profile: BackendProfile | undefined): boolean {
  return profile === undefined || profile.name === genericProfile
}

/** The path of an operation at endpoints of a backend type, which may have another prefix. */
export function operationPathAt(profile: BackendProfile | undefined, { path }: WholeOperation): string {
  if (profile === undefined || profile.paths.includes(path)) return path
  return profile.paths.find((each) => each.endsWith(path)) ?? path
}

/** The path of a format at endpoints of a backend type. */
export function pathAt(profile: BackendProfile | undefined, format: Format): string {
  if (profile === undefined) return format.path
  switch (format.name) {
    case 'chat':
      return profile.chat.path
    case 'messages':
      return profile.anthropic.messagesPath
    default:
      return format.path
  }
}
