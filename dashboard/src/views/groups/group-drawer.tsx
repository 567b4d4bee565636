import { changeGroup, deleteGroup, type GroupKind, readGroup } from '../../api/caller-api.ts'
import type { OwnerRow, TeamRow } from '../../api/types.ts'
import { goTo } from '../../live/address.ts'
import { groupLists, keyOwner, keyTeam } from '../../live/callers.ts'
import { useAction } from '../../ui/action.ts'
import { CallerDetails } from '../../ui/callers/caller-details.tsx'
import { useRecord } from '../../ui/callers/use-record.ts'
import { Drawer } from '../../ui/drawer.tsx'
import { Loading, Trouble } from '../../ui/notice.tsx'

export interface GroupDrawerProps {
  readonly kind: GroupKind
  readonly name: string
  readonly onClose: () => void
  readonly onEdit: (row: TeamRow | OwnerRow) => void
}

/** A team or an owner with its limits, its policy and its use, and buttons that change it. */
export function GroupDrawer({ kind, name, onClose, onEdit }: GroupDrawerProps) {
  const listed = groupLists[kind].page.state.value.value?.rows.find((each) => each.name === name)
  const { row, error } = useRecord(name, listed, (of, abort) => readGroup(kind, of, abort))
  const action = useAction()
  return (
    <Drawer title={name} onClose={onClose}>
      {error !== undefined && <Trouble error={error} isStale={false} />}
      {row === undefined && error === undefined && <Loading />}
      {row !== undefined && (
        <CallerDetails
          kind={kind}
          id={name}
          row={row}
          action={action}
          usageGroup="key"
          removal={{ label: 'Delete', question: 'Really delete?', done: `The ${kind} was deleted.` }}
          change={(fields) => changeGroup(kind, name, fields)}
          remove={() => deleteGroup(kind, name)}
          onEdit={() => onEdit(row)}
          onClose={onClose}
          buttons={
            <button
              type="button"
              class="button"
              onClick={() => {
                keyTeam.value = kind === 'team' ? name : ''
                keyOwner.value = kind === 'owner' ? name : ''
                goTo('keys')
              }}
            >
              Its keys
            </button>
          }
        />
      )}
    </Drawer>
  )
}
