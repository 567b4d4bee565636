import { GatewayError } from '../../kernel/errors.ts'
import { noPolicy } from '../contract/defaults.ts'
import type { KeyRecord } from '../contract/records.ts'
import { createKeyId } from '../keys/key-text.ts'
import { changedFields, KeyInput, readChange } from './input.ts'
import type { OperationHandlers } from './operations.ts'
import { pageOf } from './pages.ts'
import type { RecordAccess } from './record-access.ts'
import { isNamed, subjectInput } from './record-fields.ts'
import { changeable, guarded, taken } from './refusals.ts'

type KeyOperations = Pick<
  OperationHandlers,
  'listKeys' | 'getKey' | 'createKey' | 'updateKey' | 'rotateKey' | 'deleteKey'
>

export function keyOperations(records: RecordAccess): KeyOperations {
  return {
    async listKeys(query) {
      return pageOf(records.configured.keys.filter(matches(query)), query, async (limit) =>
        guarded(async () => (await records.readable?.listKeys({ ...query, limit })) ?? []),
      )
    },
    getKey: ({ key }) => records.findKey(key),
    async createKey({ actor, secret, fields }) {
      const atMs = records.clock.nowMs()
      const { expires, ...rest } = fields
      expectFree(records.configured.keys, fields.name)
      await expectTeam(records, fields.team)
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
      await records.make(
        {
          actor,
          action: 'create',
          kind: 'key',
          subject: record.id,
          name: record.name,
          fields: Object.keys(fields),
        },
        (audit) => records.writable.createKey(record, secret.hash, audit),
      )
      return record
    },
    async updateKey({ actor, key, change: body }) {
      const before = changeable(await records.findKey(key), 'key')
      const input = keyInput(before)
      const { expires, ...rest } = readChange(KeyInput, 'key', input, body)
      expectFree(records.configured.keys, rest.name)
      if (rest.team !== before.team) await expectTeam(records, rest.team)
      const after: KeyRecord = {
        ...before,
        ...rest,
        owner: rest.owner,
        team: rest.team,
        expiresAtMs: timeOf(expires),
        updatedAtMs: records.clock.nowMs(),
      }
      const fields = changedFields(input, keyInput(after))
      if (fields.length === 0) return before
      await records.make(
        { actor, action: 'update', kind: 'key', subject: before.id, name: after.name, fields },
        (audit) => records.writable.updateKey(after, audit),
      )
      return after
    },
    async rotateKey({ actor, key, secret, overlapMs }) {
      const { id, name } = changeable(await records.findKey(key), 'key')
      const previousEndAtMs = records.clock.nowMs() + overlapMs
      await records.make({ actor, action: 'rotate', kind: 'key', subject: id, name, fields: [] }, (audit) =>
        records.writable.rotateKey(id, { ...secret, previousEndAtMs }, audit),
      )
      return records.findKey(id)
    },
    async deleteKey({ actor, key }) {
      const record = changeable(await records.findKey(key), 'key')
      const { id, name } = record
      await records.make({ actor, action: 'delete', kind: 'key', subject: id, name, fields: [] }, (audit) =>
        records.writable.deleteKey(id, audit),
      )
      return record
    },
  }
}

/** A misspelt team would be a team without limits. */
async function expectTeam(records: RecordAccess, name: string | undefined): Promise<void> {
  if (name === undefined) return
  await records.findTeam(name).catch((error: unknown) => {
    if (!(error instanceof GatewayError) || error.code !== 'not_found') throw error
    throw new GatewayError('invalid_request', `team: there is no team "${name}"`, {
      details: { param: 'team' },
    })
  })
}

function expectFree(list: readonly { readonly name: string }[], name: string): void {
  if (list.some((each) => each.name === name)) throw taken(name)
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
