import { matchesGlob } from '../../kernel/names/glob.ts'
import type { ModelCatalog } from '../discovery/catalog.ts'
import type { DiscoveredModel } from '../discovery/discovered-model.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import { isEndpointGlob } from '../registry/management-targets.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import {
  type OperationKind,
  type OperationOrder,
  type OperationRefusal,
  operationKinds,
} from './contract/operation.ts'
import { engineOf } from './engines/engines.ts'

export interface TargetServices {
  readonly registry: Pick<EndpointRegistry, 'snapshot' | 'service'>
  readonly catalog: Pick<ModelCatalog, 'snapshot'>
  /** Requests in flight at an endpoint. */
  readonly inFlight: (slot: number) => number
  readonly isHealthy: (endpoint: Endpoint) => boolean
}

/** Where an operation runs. */
export interface OperationTarget {
  readonly endpoint: Endpoint
  /** As the endpoint spells it. */
  readonly model: string
  readonly isEmbedding: boolean
}

export interface ChosenTargets {
  readonly targets: readonly OperationTarget[]
  readonly refused: readonly OperationRefusal[]
}

/** Kinds for which one endpoint is enough. */
const needsOne: ReadonlySet<OperationKind> = new Set(['load', 'pull'])

/**
 * The endpoints of an order: those that it names; else, to load or pull, the one with the most room, and for the other
 * kinds all that have the model and can do it.
 */
export function chooseTargets(services: TargetServices, order: OperationOrder): ChosenTargets {
  return order.endpoints === undefined
    ? unnamedTargets(services, order)
    : namedTargets(services, order, order.endpoints)
}

/** What an endpoint can do, in the order of `operationKinds`. */
export function kindsOf(endpoint: Pick<Endpoint, 'profile'>): OperationKind[] {
  const engine = engineOf(endpoint)
  return operationKinds.filter((kind) => engine?.operations[kind] !== undefined)
}

/** The model of that name in an endpoint's list: exactly, ignoring case, or with the usual tag. */
export function findListed(
  models: readonly DiscoveredModel[],
  name: string,
  endpoint: Pick<Endpoint, 'profile'>,
): DiscoveredModel | undefined {
  const lower = name.toLowerCase()
  const tagged = lower + (engineOf(endpoint)?.usualTag ?? '')
  return (
    models.find((model) => model.name === name) ??
    models.find((model) => model.name.toLowerCase() === lower) ??
    models.find((model) => model.name.toLowerCase() === tagged)
  )
}

function namedTargets(
  services: TargetServices,
  order: OperationOrder,
  names: readonly string[],
): ChosenTargets {
  const { endpoints } = services.registry.snapshot
  const targets: OperationTarget[] = []
  const refused: OperationRefusal[] = []
  for (const name of names) {
    const isGlob = isEndpointGlob(name)
    const found = endpoints.filter((endpoint) =>
      isGlob ? matchesGlob(name, endpoint.name) : endpoint.name.toLowerCase() === name.toLowerCase(),
    )
    if (found.length === 0) {
      refused.push({ endpoint: undefined, code: 'not_found', reason: `There is no endpoint "${name}".` })
    }
    for (const endpoint of found) {
      if (targets.some((target) => target.endpoint === endpoint)) continue
      const target = targetAt(services, order, endpoint)
      if ('model' in target) targets.push(target)
      // A glob means those that can.
      else if (!isGlob) refused.push(target)
    }
  }
  if (targets.length === 0 && refused.length === 0)
    return { targets, refused: [nothingFound(services, order)] }
  return { targets, refused }
}

function unnamedTargets(services: TargetServices, order: OperationOrder): ChosenTargets {
  const able = services.registry.snapshot.endpoints.flatMap((endpoint) => {
    const target = targetAt(services, order, endpoint)
    return 'model' in target && services.isHealthy(endpoint) ? [target] : []
  })
  if (able.length === 0) return { targets: [], refused: [nothingFound(services, order)] }
  if (!needsOne.has(order.kind)) return { targets: able, refused: [] }
  const [roomiest = able[0]] = able.toSorted((a, b) => compareRoom(services, order, a, b))
  return { targets: roomiest === undefined ? [] : [roomiest], refused: [] }
}

/** The endpoint that has the model in memory comes first, then the one with the least in memory, then the least busy. */
function compareRoom(
  services: TargetServices,
  { kind }: OperationOrder,
  a: OperationTarget,
  b: OperationTarget,
): number {
  const used = (target: OperationTarget) => {
    const models = services.catalog.snapshot.byEndpoint.get(target.endpoint.slot)?.models ?? []
    const loaded = models.filter(({ state }) => state === 'loaded')
    return {
      isDone: kind === 'load' && loaded.some(({ name }) => name === target.model),
      bytes: loaded.reduce((sum, { memory, sizeBytes }) => sum + (memory?.sizeBytes ?? sizeBytes ?? 0), 0),
      count: loaded.length,
    }
  }
  const [one, other] = [used(a), used(b)]
  return (
    Number(other.isDone) - Number(one.isDone) ||
    one.bytes - other.bytes ||
    one.count - other.count ||
    services.inFlight(a.endpoint.slot) - services.inFlight(b.endpoint.slot) ||
    b.endpoint.priority - a.endpoint.priority
  )
}

function targetAt(
  { catalog }: TargetServices,
  { kind, model: name }: OperationOrder,
  endpoint: Endpoint,
): OperationTarget | OperationRefusal {
  if (engineOf(endpoint)?.operations[kind] === undefined) return cannot(endpoint, kind)
  const known = catalog.snapshot.byEndpoint.get(endpoint.slot)?.models
  const model = known === undefined ? undefined : findListed(known, name, endpoint)
  if (model === undefined && known !== undefined && kind !== 'pull') {
    const reason = `The endpoint "${endpoint.name}" does not have the model "${name}".`
    return { endpoint: endpoint.name, code: 'model_not_found', reason }
  }
  const isEmbedding =
    model !== undefined &&
    (model.type?.startsWith('embed') === true ||
      (model.capabilities?.includes('embedding') === true && !model.capabilities.includes('completion')))
  return { endpoint, model: kind === 'pull' ? name : (model?.name ?? name), isEmbedding }
}

function cannot(endpoint: Endpoint, kind: OperationKind): OperationRefusal {
  const kinds = kindsOf(endpoint)
  const type = endpoint.profile?.displayName ?? 'its type is not known yet'
  const can = kinds.length === 0 ? 'It has no operations on models.' : `It can: ${kinds.join(', ')}.`
  const reason = `The endpoint "${endpoint.name}" (${type}) cannot ${kind.replaceAll('_', ' ')}. ${can}`
  return { endpoint: endpoint.name, code: 'operation_not_supported', reason }
}

/** Why no endpoint fits. */
function nothingFound(services: TargetServices, { kind, model }: OperationOrder): OperationRefusal {
  const { endpoints } = services.registry.snapshot
  const have = endpoints.filter((endpoint) => {
    const models = services.catalog.snapshot.byEndpoint.get(endpoint.slot)?.models ?? []
    return findListed(models, model, endpoint) !== undefined
  })
  const word = kind.replaceAll('_', ' ')
  const refusal = (code: OperationRefusal['code'], reason: string) => ({ endpoint: undefined, code, reason })
  if (kind !== 'pull' && have.length === 0)
    return refusal('model_not_found', `No endpoint has the model "${model}".`)
  const concerned = kind === 'pull' ? endpoints : have
  const can = concerned.filter((endpoint) => engineOf(endpoint)?.operations[kind] !== undefined)
  if (can.length > 0) {
    return refusal('model_unavailable', `No endpoint that can ${word} "${model}" is available now.`)
  }
  const abilities = concerned.slice(0, 20).map((endpoint) => {
    const kinds = kindsOf(endpoint)
    return `${endpoint.name}: ${kinds.length === 0 ? 'nothing' : kinds.join(', ')}`
  })
  const reason = `No endpoint can ${word} "${model}". What they can: ${abilities.join('; ')}.`
  return refusal('operation_not_supported', reason)
}
