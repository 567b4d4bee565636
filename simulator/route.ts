import { isAtLeast } from '../src/endpoints/profiles/server-version.ts'
import type { Answer } from './answer.ts'
import type { CompleteModel, SimulatorState } from './model.ts'
import type { Frame } from './pace.ts'
import { Rejection, type RejectionStyle } from './rejections.ts'
import type { JsonObject, SimulatorRequest } from './request.ts'

/** One request and everything that answering it needs. */
export interface Exchange {
  readonly state: SimulatorState
  readonly request: SimulatorRequest
  readonly answer: Answer
}

export interface Route {
  /** @throws Rejection */
  readonly run: (exchange: Exchange) => void
  /** False for lists and health: faults do not affect these unless they name their path. */
  readonly isInference: boolean
  /** Style of this route's error messages; default that of its backend type. */
  readonly rejections?: RejectionStyle
  /** First version of the server that has it; default all. */
  readonly since?: string
}

/** Keys are `GET /path`; a path that ends in `/*` matches all paths below it. */
export type RouteTable = Readonly<Record<string, Route>>

export function info(run: Route['run'], rejections?: RejectionStyle): Route {
  return rejections === undefined ? { run, isInference: false } : { run, isInference: false, rejections }
}

export function inference(run: Route['run'], rejections?: RejectionStyle): Route {
  return rejections === undefined ? { run, isInference: true } : { run, isInference: true, rejections }
}

/** The same routes under another path. */
export function under(prefix: string, table: RouteTable): RouteTable {
  return Object.fromEntries(
    Object.entries(table).map(([key, route]) => {
      const [method, path] = key.split(' ')
      return [`${method} ${prefix}${path}`, route]
    }),
  )
}

/** Routes that only later versions of the server have. */
export function since(version: string, table: RouteTable): RouteTable {
  return Object.fromEntries(Object.entries(table).map(([key, route]) => [key, { ...route, since: version }]))
}

/** @param version of the server */
export function findRoute(
  table: RouteTable,
  method: string,
  path: string,
  version?: string,
): Route | undefined {
  const route = routeAt(table, method, path)
  return route !== undefined && isAtLeast(version, route.since) ? route : undefined
}

function routeAt(table: RouteTable, method: string, path: string): Route | undefined {
  const asked = method === 'HEAD' ? 'GET' : method
  const exact = table[`${asked} ${path}`]
  if (exact !== undefined) return exact
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const below = table[`${asked} ${path.slice(0, end)}/*`] ?? table[`* ${path.slice(0, end)}/*`]
    if (below !== undefined) return below
  }
  return undefined
}

/**
 * The requested model; Ollama reads a name without a tag as `:latest`.
 *
 * @throws Rejection if the server has no such model
 */
export function askedModel(state: SimulatorState, body: JsonObject): CompleteModel {
  // Go clients send both fields, one of them empty.
  const asked = body.model === undefined || body.model === '' ? body.name : body.model
  if (typeof asked !== 'string' || asked === '') throw new Rejection('bad_request', 'model is required')
  return modelNamed(state, asked)
}

/** @throws Rejection */
export function modelNamed({ models }: SimulatorState, asked: string): CompleteModel {
  const model = models.find(({ name }) => name === asked || name === `${asked}:latest`)
  if (model === undefined) throw new Rejection('unknown_model', asked)
  return model
}

/** @throws Rejection if a field that must be a list is not */
export function listOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Rejection('bad_request', `${name} is not an array`)
  return value
}

export function token(data: string): Frame {
  return { data, isToken: true }
}

/** A frame without tokens. */
export function around(data: string): Frame {
  return { data, isToken: false }
}
