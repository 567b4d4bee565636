import type { ComponentChildren } from 'preact'
import type { UsageGroup } from '../../api/caller-api.ts'
import type { CallerFields, KeyRow } from '../../api/types.ts'
import { goTo } from '../../live/address.ts'
import { announce } from '../../live/announcement.ts'
import { reloadCallers } from '../../live/callers.ts'
import { now } from '../../live/clock.ts'
import { features } from '../../live/gateway.ts'
import { chooseUsage } from '../../live/usage.ts'
import type { Action } from '../action.ts'
import { Ago } from '../age.tsx'
import { ConfirmButton } from '../confirm-button.tsx'
import { Facts } from '../facts.tsx'
import { Notice } from '../notice.tsx'
import type { SubjectRow } from './caller-columns.tsx'
import { CallerFacts } from './caller-facts.tsx'
import type { CallerKind } from './caller-form.tsx'
import { EnabledMark } from './enabled-mark.tsx'

type Fact = readonly [name: string, value: ComponentChildren]

export interface CallerDetailsProps {
  readonly kind: CallerKind
  readonly id: string
  readonly row: SubjectRow & Pick<KeyRow, 'created_at' | 'updated_at' | 'metadata'>
  readonly action: Action
  /** Facts of this kind only. */
  readonly facts?: readonly Fact[]
  /** How its use is shown. */
  readonly usageGroup: UsageGroup
  readonly removal: { readonly label: string; readonly question: string; readonly done: string }
  readonly change: (fields: CallerFields) => Promise<unknown>
  readonly remove: () => Promise<unknown>
  readonly onEdit: () => void
  readonly onClose: () => void
  /** Further buttons. */
  readonly buttons?: ComponentChildren
  /** What follows the buttons, if it can be changed here. */
  readonly children?: ComponentChildren
}

/** A key, a team or an owner with its limits, its policy and its use, and buttons that change it. */
export function CallerDetails(props: CallerDetailsProps) {
  const { kind, id, row, action, facts = [], children } = props
  const { failure } = action
  return (
    <>
      <p class="drawer-marks">
        <EnabledMark isEnabled={row.enabled} expires={row.expires ?? null} nowMs={now.value} />
      </p>
      {failure.value !== '' && (
        <div role="alert">
          <Notice tone="bad" title={`The ${kind} was not changed`}>
            {failure.value}
          </Notice>
        </div>
      )}
      <Facts
        facts={[
          ...facts,
          ['Created', <Ago at={row.created_at} />],
          ['Changed', <Ago at={row.updated_at} />],
          ...Object.entries(row.metadata),
        ]}
      />
      <Buttons {...props} />
      {row.source === 'config' ? (
        <p class="muted">This {kind} is in the configuration: change it there.</p>
      ) : (
        children
      )}
      <CallerFacts kind={kind} id={id} limits={row.limits} policy={row.policy} />
    </>
  )
}

function Buttons({ kind, id, row, action, usageGroup, buttons, ...rest }: CallerDetailsProps) {
  const { removal, change, remove, onEdit, onClose } = rest
  const { isRunning, run } = action
  const act = (by: () => Promise<unknown>, done: string) =>
    run(async () => {
      await by()
      announce(done)
      reloadCallers()
    })
  const { enabled, name } = row
  return (
    <p class="buttons">
      {buttons}
      {features.value?.usage && (
        <button
          type="button"
          class="button"
          onClick={() => {
            chooseUsage({ group: usageGroup, filters: [{ group: kind, value: id, name }] })
            goTo('usage')
          }}
        >
          Its use
        </button>
      )}
      {row.source === 'store' && (
        <>
          <button type="button" class="button" onClick={onEdit}>
            Edit
          </button>
          <button
            type="button"
            class="button"
            disabled={isRunning.value}
            onClick={() =>
              void act(
                () => change({ enabled: !enabled }),
                `The ${kind} was ${enabled ? 'disabled' : 'enabled'}.`,
              )
            }
          >
            {enabled ? 'Disable' : 'Enable'}
          </button>
          <ConfirmButton
            label={removal.label}
            question={removal.question}
            of={name}
            isDisabled={isRunning.value}
            onConfirm={() => {
              void act(remove, removal.done).then((isDone) => {
                if (isDone) onClose()
              })
            }}
          />
        </>
      )}
    </p>
  )
}
