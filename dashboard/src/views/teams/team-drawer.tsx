import { changeTeam, deleteTeam } from '../../api/caller-api.ts'
import type { TeamRow } from '../../api/types.ts'
import { goTo } from '../../live/address.ts'
import { announce } from '../../live/announcement.ts'
import { keyTeam, reloadCallers, teamUse, useOf } from '../../live/callers.ts'
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
import { Notice } from '../../ui/notice.tsx'

/** A team with its limits, its policy and its use, and buttons that change it. */
export function TeamDrawer({ team, onClose }: { team: TeamRow; onClose: () => void }) {
  const { name, enabled, source } = team
  const { isRunning, failure, run } = useAction()
  return (
    <Drawer title={name} onClose={onClose}>
      <p class="drawer-marks">
        <EnabledMark isEnabled={enabled} nowMs={now.value} />
      </p>
      {failure.value !== '' && (
        <div role="alert">
          <Notice tone="bad" title="The team was not changed">
            {failure.value}
          </Notice>
        </div>
      )}
      <Facts
        facts={[
          ['Created', <Ago at={team.created_at} />],
          ['Changed', <Ago at={team.updated_at} />],
          ...Object.entries(team.metadata),
        ]}
      />
      <p class="buttons">
        <button
          type="button"
          class="button"
          onClick={() => {
            keyTeam.value = name
            goTo('keys')
          }}
        >
          Its keys
        </button>
        {features.value?.usage && (
          <button
            type="button"
            class="button"
            onClick={() => {
              chooseUsage({ group: 'key', filters: [{ group: 'team', value: name, name }] })
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
              onClick={() => {
                void run(async () => {
                  await changeTeam(name, { enabled: !enabled })
                  announce(`The team was ${enabled ? 'disabled' : 'enabled'}.`)
                  reloadCallers()
                })
              }}
            >
              {enabled ? 'Disable' : 'Enable'}
            </button>
            <ConfirmButton
              label="Delete"
              question="Really delete?"
              of={name}
              isDisabled={isRunning.value}
              onConfirm={() => {
                void run(async () => {
                  await deleteTeam(name)
                  announce('The team was deleted.')
                  onClose()
                  reloadCallers()
                })
              }}
            />
          </>
        )}
      </p>
      {source === 'config' && <p class="muted">This team is in the configuration: change it there.</p>}
      <CallerFacts
        limits={team.limits}
        policy={team.policy}
        use={features.value?.usage ? useOf(teamUse.state.value.value, name) : undefined}
      />
    </Drawer>
  )
}
