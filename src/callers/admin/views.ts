import { type Static, Type } from '@sinclair/typebox'
import { LimitsSchema, PolicySchema } from '../../config/schema/callers-schema.ts'
import { formatTime } from '../../kernel/format.ts'
import { Choice, NullableText, Text, Time } from '../../observe/views/fields.ts'
import type { KeyRecord, OwnerRecord, TeamRecord } from '../contract/records.ts'
import type { AuditRow } from '../store/contract.ts'

const subject = {
  name: Text('Unique.'),
  enabled: Type.Boolean(),
  metadata: Type.Record(Type.String(), Type.String()),
  limits: LimitsSchema,
  created_at: Time(),
  updated_at: Time(),
  source: Choice(['config', 'store'] as const, '`config`: in the configuration, and not changeable here.'),
}

const key = {
  id: Text('Never changes.'),
  ...subject,
  hint: Text('The last characters of the key.'),
  owner: NullableText(),
  team: NullableText(),
  expires: NullableText('RFC 3339.'),
  policy: PolicySchema,
}

const next = NullableText('`after` of the next page; null on the last.')

export const KeyView = Type.Object(key)
export const NewKeyView = Type.Object({ key: Text('The key. It is not shown again.'), ...key })
export const KeysView = Type.Object({ keys: Type.Array(KeyView), next })
export const TeamView = Type.Object({ ...subject, policy: PolicySchema })
export const TeamsView = Type.Object({ teams: Type.Array(TeamView), next })
export const OwnerView = Type.Object(subject)
export const OwnersView = Type.Object({ owners: Type.Array(OwnerView), next })
export const AuditView = Type.Object({
  changes: Type.Array(
    Type.Object({
      revision: Type.Integer(),
      at: Time(),
      actor: Text('Who has made the change.'),
      action: Choice(['create', 'update', 'rotate', 'delete'] as const),
      kind: Choice(['key', 'team', 'owner'] as const),
      subject: Text('ID of a key, name of a team or an owner.'),
      fields: Type.Array(Type.String(), { description: 'Names of the fields that have changed.' }),
    }),
    { description: 'Newest first.' },
  ),
})

export function keyView(record: KeyRecord): Static<typeof KeyView> {
  const { id, hint, owner = null, team = null, expiresAtMs, policy } = record
  const expires = expiresAtMs === undefined ? null : formatTime(expiresAtMs)
  return { id, ...subjectView(record), hint, owner, team, expires, policy }
}

export function teamView(record: TeamRecord): Static<typeof TeamView> {
  return { ...subjectView(record), policy: record.policy }
}

export function ownerView(record: OwnerRecord): Static<typeof OwnerView> {
  return subjectView(record)
}

export function auditView({ atMs, fields, ...row }: AuditRow) {
  return { ...row, at: formatTime(atMs), fields: [...fields] }
}

function subjectView({ name, enabled, metadata, limits, createdAtMs, updatedAtMs, source }: OwnerRecord) {
  return {
    name,
    enabled,
    metadata: { ...metadata },
    limits,
    created_at: formatTime(createdAtMs),
    updated_at: formatTime(updatedAtMs),
    source,
  }
}
