import { changedFields, OwnerInput, readChange } from './input.ts'
import type { OperationHandlers } from './operations.ts'
import { pageOf } from './pages.ts'
import type { RecordAccess } from './record-access.ts'
import { dates, isNamed, named, sameName, subjectInput } from './record-fields.ts'
import { changeable, expectNew, guarded } from './refusals.ts'

type OwnerOperations = Pick<
  OperationHandlers,
  'listOwners' | 'getOwner' | 'createOwner' | 'updateOwner' | 'deleteOwner'
>

export function ownerOperations(records: RecordAccess): OwnerOperations {
  return {
    async listOwners(query) {
      return pageOf(records.configured.owners.filter(isNamed(query)), query, async (limit) =>
        guarded(async () => (await records.readable?.listOwners({ ...query, limit })) ?? []),
      )
    },
    getOwner: ({ name }) => records.findOwner(name),
    async createOwner({ actor, fields }) {
      const record = { ...fields, ...dates(records.clock.nowMs()) }
      await expectNew(() => records.findOwner(fields.name), fields.name)
      await records.make(named(actor, 'create', 'owner', fields.name, Object.keys(fields)), (audit) =>
        records.writable.putOwner(record, audit),
      )
      return record
    },
    async updateOwner({ actor, name, change: body }) {
      const before = changeable(await records.findOwner(name), 'owner')
      const input = subjectInput(before)
      const after = {
        ...before,
        ...sameName(readChange(OwnerInput, 'owner', input, body), name),
        updatedAtMs: records.clock.nowMs(),
      }
      const fields = changedFields(input, subjectInput(after))
      if (fields.length === 0) return before
      await records.make(named(actor, 'update', 'owner', name, fields), (audit) =>
        records.writable.putOwner(after, audit),
      )
      return after
    },
    async deleteOwner({ actor, name }) {
      const record = changeable(await records.findOwner(name), 'owner')
      await records.make(named(actor, 'delete', 'owner', name, []), (audit) =>
        records.writable.deleteOwner(name, audit),
      )
      return record
    },
  }
}
