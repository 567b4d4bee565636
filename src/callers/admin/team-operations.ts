import { GatewayError } from '../../kernel/errors.ts'
import { changedFields, readChange, TeamInput } from './input.ts'
import type { OperationHandlers } from './operations.ts'
import { pageOf } from './pages.ts'
import type { RecordAccess } from './record-access.ts'
import { dates, isNamed, named, sameName, subjectInput } from './record-fields.ts'
import { changeable, expectNew, guarded } from './refusals.ts'

type TeamOperations = Pick<
  OperationHandlers,
  'listTeams' | 'getTeam' | 'createTeam' | 'updateTeam' | 'deleteTeam'
>

export function teamOperations(records: RecordAccess): TeamOperations {
  return {
    async listTeams(query) {
      return pageOf(records.configured.teams.filter(isNamed(query)), query, async (limit) =>
        guarded(async () => (await records.readable?.listTeams({ ...query, limit })) ?? []),
      )
    },
    getTeam: ({ name }) => records.findTeam(name),
    async createTeam({ actor, fields }) {
      const record = { ...fields, ...dates(records.clock.nowMs()) }
      await expectNew(() => records.findTeam(fields.name), fields.name)
      await records.make(named(actor, 'create', 'team', fields.name, Object.keys(fields)), (audit) =>
        records.writable.putTeam(record, audit),
      )
      return record
    },
    async updateTeam({ actor, name, change: body }) {
      const before = changeable(await records.findTeam(name), 'team')
      const input = { ...subjectInput(before), policy: before.policy }
      const after = {
        ...before,
        ...sameName(readChange(TeamInput, 'team', input, body), name),
        updatedAtMs: records.clock.nowMs(),
      }
      const fields = changedFields(input, { ...subjectInput(after), policy: after.policy })
      if (fields.length === 0) return before
      await records.make(named(actor, 'update', 'team', name, fields), (audit) =>
        records.writable.putTeam(after, audit),
      )
      return after
    },
    async deleteTeam({ actor, name }) {
      const record = changeable(await records.findTeam(name), 'team')
      const [member] = await guarded(() => records.writable.listKeys({ team: name, limit: 1 }))
      if (member !== undefined)
        throw new GatewayError('conflict', `The team still has keys, such as "${member.name}".`)
      await records.make(named(actor, 'delete', 'team', name, []), (audit) =>
        records.writable.deleteTeam(name, audit),
      )
      return record
    },
  }
}
