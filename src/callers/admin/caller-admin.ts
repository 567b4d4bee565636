import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { noPolicy } from '../contract/defaults.ts'
import type { CallerRecords, KeyRecord } from '../contract/records.ts'
import { createKeyId } from '../keys/key-text.ts'
import { type AuditEntry, type CallerStore, NameTakenError } from '../store/caller-store.ts'
import { changedFields, KeyInput, OwnerInput, readChange, TeamInput } from './input.ts'
import { type OperationHandlers, storeAway } from './operations.ts'
import { pageOf } from './pages.ts'

/** A change that has been made, for the event. */
export interface CallerChange extends AuditEntry {
  readonly name: string
}

export interface CallerAdminServices {
  /** Undefined if keys are in the configuration only. */
  readonly store: CallerStore | undefined
  /** Keys, teams and owners of the configuration. */
  readonly configured: CallerRecords
  readonly clock: Pick<Clock, 'nowMs'>
  /** Makes a change effective on all threads; awaited before the operation ends. */
  readonly publish: (change: CallerChange) => Promise<void>
}

type Kind = AuditEntry['kind']

/** The operations on keys, teams and owners, with their rules. They run on the thread that has the store. */
export function callerAdmin(services: CallerAdminServices): Omit<OperationHandlers, 'usage' | 'usageTotals'> {
  const { store, configured, clock, publish } = services

  function writable(): CallerStore {
    if (store !== undefined) return store
    throw new GatewayError(
      'conflict',
      'There is no store (callers.store): keys are in the configuration only.',
    )
  }

  /** Makes a change: with its audit entry, its errors as the client reads them, and its effect on all threads. */
  async function change(
    entry: Omit<CallerChange, 'atMs'>,
    write: (audit: AuditEntry) => Promise<unknown>,
  ): Promise<void> {
    const { name, ...audit } = { ...entry, atMs: clock.nowMs() }
    const done = await guarded(() => write(audit))
    if (done === false) throw missing(entry.kind)
    await publish({ ...audit, name })
  }

  async function findKey(key: string): Promise<KeyRecord> {
    const own = configured.keys.find(({ id, name }) => id === key || name === key)
    const found = own ?? (await guarded(async () => store?.findKey(key)))
    if (found === undefined) throw missing('key')
    return found
  }

  async function findTeam(name: string) {
    const own = configured.teams.find((team) => team.name === name)
    const found = own ?? (await guarded(async () => store?.findTeam(name)))
    if (found === undefined) throw missing('team')
    return found
  }

  async function findOwner(name: string) {
    const own = configured.owners.find((owner) => owner.name === name)
    const found = own ?? (await guarded(async () => store?.findOwner(name)))
    if (found === undefined) throw missing('owner')
    return found
  }

  /** A misspelt team would be a team without limits. */
  async function expectTeam(name: string | undefined): Promise<void> {
    if (name === undefined) return
    await findTeam(name).catch((error: unknown) => {
      if (!(error instanceof GatewayError) || error.code !== 'not_found') throw error
      throw new GatewayError('invalid_request', `team: there is no team "${name}"`, {
        details: { param: 'team' },
      })
    })
  }

  function expectFree(list: readonly { readonly name: string }[], name: string): void {
    if (list.some((each) => each.name === name)) throw taken(name)
  }

  return {
    async listKeys(query) {
      return pageOf(configured.keys.filter(matches(query)), query, async (limit) =>
        guarded(async () => (await store?.listKeys({ ...query, limit })) ?? []),
      )
    },
    getKey: ({ key }) => findKey(key),
    async createKey({ actor, secret, fields }) {
      const atMs = clock.nowMs()
      const { expires, ...rest } = fields
      expectFree(configured.keys, fields.name)
      await expectTeam(fields.team)
      const record: KeyRecord = {
        ...rest,
        id: createKeyId(),
        hint: secret.hint,
        owner: fields.owner,
        team: fields.team,
        expiresAtMs: timeOf(expires),
        createdAtMs: atMs,
        updatedAtMs: atMs,
        source: 'store',
      }
      await change(
        {
          actor,
          action: 'create',
          kind: 'key',
          subject: record.id,
          name: record.name,
          fields: Object.keys(fields),
        },
        (audit) => writable().createKey(record, secret.hash, audit),
      )
      return record
    },
    async updateKey({ actor, key, change: body }) {
      const before = changeable(await findKey(key), 'key')
      const input = keyInput(before)
      const { expires, ...rest } = readChange(KeyInput, 'key', input, body)
      expectFree(configured.keys, rest.name)
      if (rest.team !== before.team) await expectTeam(rest.team)
      const after: KeyRecord = {
        ...before,
        ...rest,
        owner: rest.owner,
        team: rest.team,
        expiresAtMs: timeOf(expires),
        updatedAtMs: clock.nowMs(),
      }
      const fields = changedFields(input, keyInput(after))
      if (fields.length === 0) return before
      await change(
        { actor, action: 'update', kind: 'key', subject: before.id, name: after.name, fields },
        (audit) => writable().updateKey(after, audit),
      )
      return after
    },
    async rotateKey({ actor, key, secret, overlapMs }) {
      const { id, name } = changeable(await findKey(key), 'key')
      const previousEndAtMs = clock.nowMs() + overlapMs
      await change({ actor, action: 'rotate', kind: 'key', subject: id, name, fields: [] }, (audit) =>
        writable().rotateKey(id, { ...secret, previousEndAtMs }, audit),
      )
      return findKey(id)
    },
    async deleteKey({ actor, key }) {
      const record = changeable(await findKey(key), 'key')
      const { id, name } = record
      await change({ actor, action: 'delete', kind: 'key', subject: id, name, fields: [] }, (audit) =>
        writable().deleteKey(id, audit),
      )
      return record
    },

    async listTeams(query) {
      return pageOf(configured.teams.filter(isNamed(query)), query, async (limit) =>
        guarded(async () => (await store?.listTeams({ ...query, limit })) ?? []),
      )
    },
    getTeam: ({ name }) => findTeam(name),
    async createTeam({ actor, fields }) {
      const record = { ...fields, ...dates(clock.nowMs()) }
      await expectNew(() => findTeam(fields.name), fields.name)
      await change(named(actor, 'create', 'team', fields.name, Object.keys(fields)), (audit) =>
        writable().putTeam(record, audit),
      )
      return record
    },
    async updateTeam({ actor, name, change: body }) {
      const before = changeable(await findTeam(name), 'team')
      const input = { ...subjectInput(before), policy: before.policy }
      const after = {
        ...before,
        ...sameName(readChange(TeamInput, 'team', input, body), name),
        updatedAtMs: clock.nowMs(),
      }
      const fields = changedFields(input, { ...subjectInput(after), policy: after.policy })
      if (fields.length === 0) return before
      await change(named(actor, 'update', 'team', name, fields), (audit) => writable().putTeam(after, audit))
      return after
    },
    async deleteTeam({ actor, name }) {
      const record = changeable(await findTeam(name), 'team')
      const [member] = await guarded(() => writable().listKeys({ team: name, limit: 1 }))
      if (member !== undefined)
        throw new GatewayError('conflict', `The team still has keys, such as "${member.name}".`)
      await change(named(actor, 'delete', 'team', name, []), (audit) => writable().deleteTeam(name, audit))
      return record
    },

    async listOwners(query) {
      return pageOf(configured.owners.filter(isNamed(query)), query, async (limit) =>
        guarded(async () => (await store?.listOwners({ ...query, limit })) ?? []),
      )
    },
    getOwner: ({ name }) => findOwner(name),
    async createOwner({ actor, fields }) {
      const record = { ...fields, ...dates(clock.nowMs()) }
      await expectNew(() => findOwner(fields.name), fields.name)
      await change(named(actor, 'create', 'owner', fields.name, Object.keys(fields)), (audit) =>
        writable().putOwner(record, audit),
      )
      return record
    },
    async updateOwner({ actor, name, change: body }) {
      const before = changeable(await findOwner(name), 'owner')
      const input = subjectInput(before)
      const after = {
        ...before,
        ...sameName(readChange(OwnerInput, 'owner', input, body), name),
        updatedAtMs: clock.nowMs(),
      }
      const fields = changedFields(input, subjectInput(after))
      if (fields.length === 0) return before
      await change(named(actor, 'update', 'owner', name, fields), (audit) =>
        writable().putOwner(after, audit),
      )
      return after
    },
    async deleteOwner({ actor, name }) {
      const record = changeable(await findOwner(name), 'owner')
      await change(named(actor, 'delete', 'owner', name, []), (audit) => writable().deleteOwner(name, audit))
      return record
    },
    audit: ({ limit, before }) => guarded(() => writable().audit(limit, before)),
  }
}

/** Reports failures of the store without their text, which may hold addresses. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    if (error instanceof NameTakenError) throw taken(error.message)
    throw new GatewayError('callers_unavailable', storeAway, { cause: error })
  }
}

async function expectNew(find: () => Promise<unknown>, name: string): Promise<void> {
  const found = await find().then(
    () => true,
    (error: unknown) => {
      if (error instanceof GatewayError && error.code === 'not_found') return false
      throw error
    },
  )
  if (found) throw taken(name)
}

function taken(name: string): GatewayError {
  return new GatewayError('conflict', `The name "${name}" is taken.`, { details: { param: 'name' } })
}

function missing(kind: Kind): GatewayError {
  return new GatewayError('not_found', `There is no such ${kind}.`)
}

function changeable<T extends { readonly source: 'config' | 'store' }>(record: T, kind: Kind): T {
  if (record.source === 'store') return record
  throw new GatewayError('conflict', `The ${kind} is in the configuration, and cannot be changed here.`)
}

/** Keys refer to teams and owners by their name. */
function sameName<T extends { readonly name: string }>(input: T, name: string): T {
  if (input.name === name) return input
  throw new GatewayError('invalid_request', 'name: cannot be changed', { details: { param: 'name' } })
}

function named(
  actor: string,
  action: AuditEntry['action'],
  kind: Kind,
  name: string,
  fields: readonly string[],
) {
  return { actor, action, kind, subject: name, name, fields }
}

function dates(atMs: number) {
  return { createdAtMs: atMs, updatedAtMs: atMs, source: 'store' } as const
}

function subjectInput({ name, enabled, metadata, limits }: Omit<KeyRecord, 'policy'> | OwnerInput) {
  return { name, enabled, metadata, limits }
}

/** The key as a client would write it. */
function keyInput(key: KeyRecord): KeyInput {
  const { owner, team, expiresAtMs, policy = noPolicy } = key
  return {
    ...subjectInput(key),
    policy,
    ...(owner === undefined ? {} : { owner }),
    ...(team === undefined ? {} : { team }),
    ...(expiresAtMs === undefined ? {} : { expires: new Date(expiresAtMs).toISOString() }),
  }
}

function timeOf(expires: string | undefined): number | undefined {
  return expires === undefined ? undefined : Date.parse(expires)
}

function isNamed({ search }: { readonly search?: string | undefined }) {
  return ({ name }: { readonly name: string }) =>
    search === undefined || name.toLowerCase().includes(search.toLowerCase())
}

function matches(query: {
  search?: string | undefined
  owner?: string | undefined
  team?: string | undefined
  enabled?: boolean | undefined
}) {
  const named = isNamed(query)
  return (key: KeyRecord) =>
    named(key) &&
    (query.owner === undefined || key.owner === query.owner) &&
    (query.team === undefined || key.team === query.team) &&
    (query.enabled === undefined || key.enabled === query.enabled)
}
