import assert from 'node:assert/strict'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import type { DiscoveredModel } from '../../../src/endpoints/discovery/discovered-model.ts'
import {
  type EngineAnswer,
  type EngineCalls,
  OperationError,
} from '../../../src/endpoints/operations/contract/operation.ts'
import { Operations, type OperationsServices } from '../../../src/endpoints/operations/operations.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { isRoutable } from '../../../src/kernel/endpoint-status.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry } from '../../support/registry.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })

/** An Ollama server that answers at once: which models it has, and what it was asked. */
export class FakeOllama implements EngineCalls {
  readonly loaded = new Map<string, number>()
  readonly asked: string[] = []
  /** Why requests fail. */
  failure: string | undefined
  /** Holds the answers to loads back. */
  gate: Promise<void> | undefined

  async send(_method: string, path: string, body: object = {}): Promise<EngineAnswer> {
    const { model, keep_alive: keepAlive } = body as { model?: string; keep_alive?: unknown }
    if (path !== '/api/ps') this.asked.push(`${path} ${model} ${String(keepAlive)}`)
    if (this.failure !== undefined) throw new OperationError(this.failure)
    if (path === '/api/generate' && model !== undefined) {
      await this.gate
      if (keepAlive === 0) this.loaded.delete(model)
      else this.loaded.set(model, this.expiresAtMs)
    }
    const models = [...this.loaded].map(([name, atMs]) => ({
      name,
      expires_at: new Date(atMs).toISOString(),
    }))
    return { status: 200, json: { models }, text: '' }
  }

  /** When models leave memory that are loaded from now on. */
  expiresAtMs = Date.parse('2318-01-01T00:00:00Z')

  ok(method: string, path: string, body?: object): Promise<EngineAnswer> {
    return this.send(method, path, body)
  }

  async lines(): Promise<void> {}
  async sleep(): Promise<void> {}
}

export const model = (name: string, more: Partial<DiscoveredModel> = {}): DiscoveredModel => ({
  name,
  raw: {},
  ...more,
})

/** Operations on Ollama servers by name, all with the same models, and what tests may change. */
export function operationsOn(names: readonly string[], models: readonly DiscoveredModel[]) {
  const profile = profiles.get('ollama')
  const endpoints = names.map((name, slot) => endpoint({ slot, name, type: 'ollama', profile }))
  const { clock, registry } = createRegistry(endpoints)
  const catalog = new ModelCatalog()
  for (const each of endpoints) {
    registry.setStatus(each.slot, 'healthy', '')
    catalog.update(each, models, 0)
  }
  const servers = new Map(names.map((name) => [name, new FakeOllama()]))
  const serverOf = (name: string) => servers.get(name) ?? assert.fail(name)
  const state: { busy: number | undefined } = { busy: 0 }
  const told: string[] = []
  const held: string[] = []
  const services: OperationsServices = {
    clock,
    registry,
    catalog,
    inFlight: () => 0,
    isHealthy: ({ slot }) => isRoutable(registry.health(slot)),
    events: {
      publish(_type, data) {
        if ('operation' in data) told.push(`${data.id} ${data.operation} ${data.state} ${data.detail}`)
      },
    },
    calls: ({ name }) => serverOf(name),
    holds: {
      hold(slot, name) {
        held.push(`hold ${slot} ${name}`)
        return () => void held.push(`release ${slot} ${name}`)
      },
    },
    requestsAt: async () => state.busy,
    setService: ({ name }, isIn) => void held.push(`${name} ${isIn ? 'in' : 'out'}`),
    refresh: async () => {},
    onError: (error) => assert.fail(String(error)),
  }
  return { operations: new Operations(services), clock, registry, catalog, serverOf, state, told, held }
}
