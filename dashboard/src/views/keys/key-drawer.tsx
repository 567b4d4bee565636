import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../../api/api-error.ts'
import { changeKey, readKey, revokeKey, rotateKey } from '../../api/caller-api.ts'
import type { KeyRow, NewKey } from '../../api/types.ts'
import { goTo } from '../../live/address.ts'
import { announce } from '../../live/announcement.ts'
import { keyList, keyUse, reloadCallers, useOf } from '../../live/callers.ts'
import { now } from '../../live/clock.ts'
import { features } from '../../live/gateway.ts'
import { chooseUsage } from '../../live/usage.ts'
import { useAction } from '../../ui/action.ts'
import { Ago } from '../../ui/age.tsx'
import { CallerFacts } from '../../ui/callers/caller-facts.tsx'
import { EnabledMark } from '../../ui/callers/enabled-mark.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Loading, Notice, Trouble } from '../../ui/notice.tsx'
import { RotateForm } from './rotate-form.tsx'

export interface KeyDrawerProps {
  readonly id: string
  readonly onClose: () => void
  readonly onRotated: (created: NewKey) => void
}

/** A key with its limits, its policy and its use, and buttons that change it. */
export function KeyDrawer({ id, onClose, onRotated }: KeyDrawerProps) {
  const { row, error } = useKey(id)
  return (
    <Drawer title={row?.name ?? 'Key'} onClose={onClose}>
      {error !== undefined && <Trouble error={error} isStale={false} />}
      {row === undefined && error === undefined && <Loading />}
      {row !== undefined && <Details row={row} onClose={onClose} onRotated={onRotated} />}
    </Drawer>
  )
}

/** From the shown page of keys, or loaded if it is on another. */
function useKey(id: string): { row: KeyRow | undefined; error: ApiError | undefined } {
  const listed = keyList.state.value.value?.keys.find((each) => each.id === id)
  const isListed = listed !== undefined
  const loaded = useSignal<KeyRow | undefined>(undefined)
  const error = useSignal<ApiError | undefined>(undefined)
  useEffect(() => {
    if (isListed) return
    const abort = new AbortController()
    readKey(id, abort.signal).then(
      (row) => {
        loaded.value = row
      },
      (reason: unknown) => {
        if (reason instanceof ApiError) error.value = reason
      },
    )
    return () => abort.abort()
  }, [id, isListed])
  return { row: listed ?? loaded.value, error: isListed ? undefined : error.value }
}

function Details({ row, onClose, onRotated }: Omit<KeyDrawerProps, 'id'> & { readonly row: KeyRow }) {
  const { id, name, enabled, expires, source } = row
  const { isRunning, failure, run } = useAction()
  const act = (change: () => Promise<unknown>, done: string) =>
    run(async () => {
      await change()
      announce(done)
      reloadCallers()
    })

  return (
    <>
      <p class="drawer-marks">
        <EnabledMark isEnabled={enabled} expires={expires} nowMs={now.value} />
      </p>
      {failure.value !== '' && (
        <div role="alert">
          <Notice tone="bad" title="The key was not changed">
            {failure.value}
          </Notice>
        </div>
      )}
      <Facts
        facts={[
          ['ID', <span class="mono">{id}</span>],
          ['Ends with', row.hint === '' ? '' : <span class="mono">{row.hint}</span>],
          ['Owner', row.owner],
          ['Team', row.team],
          ['Expires', expires === null ? 'never' : new Date(expires).toLocaleString()],
          ['Created', <Ago at={row.created_at} />],
          ['Changed', <Ago at={row.updated_at} />],
          ...Object.entries(row.metadata),
        ]}
      />
      <p class="buttons">
        {features.value?.usage && (
          <button
            type="button"
            class="button"
            onClick={() => {
              chooseUsage({ group: 'model', filters: [{ group: 'key', value: id, name }] })
              goTo('usage')
            }}
          >
            Its use
          </button>
        )}
        {source === 'store' && (
          <>
            <button
              type="button"
              class="button"
              disabled={isRunning.value}
              onClick={() =>
                void act(
                  () => changeKey(id, { enabled: !enabled }),
                  `The key was ${enabled ? 'disabled' : 'enabled'}.`,
                )
              }
            >
              {enabled ? 'Disable' : 'Enable'}
            </button>
            <ConfirmButton
              label="Revoke"
              question="Revoke for ever?"
              of={name}
              isDisabled={isRunning.value}
              onConfirm={() => {
                void act(() => revokeKey(id), 'The key was revoked.').then((isDone) => {
                  if (isDone) onClose()
                })
              }}
            />
          </>
        )}
      </p>
      {source === 'config' ? (
        <p class="muted">This key is in the configuration: change it there.</p>
      ) : (
        <RotateForm
          isDisabled={isRunning.value}
          onRotate={(seconds) => {
            void run(async () => {
              const created = await rotateKey(id, seconds)
              reloadCallers()
              onRotated(created)
            })
          }}
        />
      )}
      <CallerFacts
        limits={row.limits}
        policy={row.policy}
        use={features.value?.usage ? useOf(keyUse.state.value.value, id) : undefined}
      />
    </>
  )
}
