import type { ConfigSection as Section } from '../../state/config-rows.ts'
import { ChangedMark } from './changed-mark.tsx'

export const ConfigSection = ({ section: { name, rows } }: { section: Section }) => (
  <section class="panel">
    <h3 class="panel-title mono">{name}</h3>
    <dl class="config-rows">
      {rows.map(({ key, value, isChanged }) => (
        <div key={key} class={isChanged ? 'config-row changed' : 'config-row'}>
          <dt class="mono break">
            {isChanged && <ChangedMark />}
            {key}
          </dt>
          <dd class="mono break">{value}</dd>
        </div>
      ))}
    </dl>
  </section>
)
