import { changeKey, readKey, revokeKey, rotateKey } from '../../api/caller-api.ts'
import type { KeyRow, NewKey } from '../../api/types.ts'
import { keyList, reloadCallers } from '../../live/callers.ts'
import { useAction } from '../../ui/action.ts'
import { CallerDetails } from '../../ui/callers/caller-details.tsx'
import { useRecord } from '../../ui/callers/use-record.ts'
import { Drawer } from '../../ui/drawer.tsx'
import { Loading, Trouble } from '../../ui/notice.tsx'
import { RotateForm } from './rotate-form.tsx'

export interface KeyDrawerProps {
  readonly id: string
  readonly onClose: () => void
  readonly onEdit: (row: KeyRow) => void
  readonly onRotated: (created: NewKey) => void
}

/** A key with its limits, its policy and its use, and buttons that change it. */
export function KeyDrawer({ id, ...rest }: KeyDrawerProps) {
  const listed = keyList.page.state.value.value?.rows.find((each) => each.id === id)
  const { row, error } = useRecord(id, listed, readKey)
  return (
    <Drawer title={row?.name ?? 'Key'} onClose={rest.onClose}>
      {error !== undefined && <Trouble error={error} isStale={false} />}
      {row === undefined && error === undefined && <Loading />}
      {row !== undefined && <Details row={row} {...rest} />}
    </Drawer>
  )
}

const removal = { label: 'Revoke', question: 'Revoke for ever?', done: 'The key was revoked.' }

function Details({ row, onClose, onEdit, onRotated }: Omit<KeyDrawerProps, 'id'> & { readonly row: KeyRow }) {
  const { id, hint, owner, team, expires } = row
  const action = useAction()
  return (
    <CallerDetails
      kind="key"
      id={id}
      row={row}
      action={action}
      facts={[
        ['ID', <span class="mono">{id}</span>],
        ['Ends with', hint === '' ? '' : <span class="mono">{hint}</span>],
        ['Owner', owner],
        ['Team', team],
        ['Expires', expires === null ? 'never' : new Date(expires).toLocaleString()],
      ]}
      usageGroup="model"
      removal={removal}
      change={(fields) => changeKey(id, fields)}
      remove={() => revokeKey(id)}
      onEdit={() => onEdit(row)}
      onClose={onClose}
    >
      <RotateForm
        isDisabled={action.isRunning.value}
        onRotate={(seconds) => {
          void action.run(async () => {
            const created = await rotateKey(id, seconds)
            reloadCallers()
            onRotated(created)
          })
        }}
      />
    </CallerDetails>
  )
}
