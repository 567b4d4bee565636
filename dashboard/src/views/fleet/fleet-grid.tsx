import { Component } from 'preact'
import type { EndpointRow } from '../../api/types.ts'
import { formatCount, formatPlural } from '../../format/format.ts'
import { type FleetGroup, fleetGroups, type Grouping } from '../../state/fleet-groups.ts'
import { formatAddress } from '../../state/view-address.ts'
import { glyphOf } from '../../ui/status-mark.tsx'

export interface FleetGridProps {
  readonly rows: readonly EndpointRow[]
  readonly grouping: Grouping
}

/** A cell for each endpoint, by group: hundreds fit on a screen. */
export function FleetGrid({ rows, grouping }: FleetGridProps) {
  return (
    <div class="fleet-grid">
      {fleetGroups(rows, grouping).map((group) => (
        <Group key={group.name} group={group} />
      ))}
    </div>
  )
}

function Group({ group: { name, rows, troubled, inFlight } }: { group: FleetGroup }) {
  const note = [formatPlural(rows.length, 'endpoint')]
  if (troubled > 0) note.push(`${troubled} in trouble`)
  if (inFlight > 0) note.push(`${formatCount(inFlight)} in flight`)
  return (
    <section class="fleet-group" aria-label={name}>
      <h3>
        {name} <span class={troubled > 0 ? 'small bad' : 'small muted'}>{note.join(', ')}</span>
      </h3>
      {/* The list is one stop in the tab order; arrows move within it. */}
      <ul class="fleet-cells" onKeyDown={moveFocus}>
        {rows.map((row, index) => (
          <Cell key={row.id} row={row} isStop={index === 0} />
        ))}
      </ul>
    </section>
  )
}

interface CellProps {
  readonly row: EndpointRow
  readonly isStop: boolean
}

/** Drawn again only if what it shows has changed: a sample changes a few endpoints of hundreds. */
class Cell extends Component<CellProps> {
  override shouldComponentUpdate({ row, isStop }: CellProps): boolean {
    const { row: shown, isStop: wasStop } = this.props
    return (
      row.status !== shown.status ||
      row.breaker.state !== shown.breaker.state ||
      row.in_flight !== shown.in_flight ||
      row.max_concurrent !== shown.max_concurrent ||
      row.name !== shown.name ||
      isStop !== wasStop
    )
  }

  override render({ row, isStop }: CellProps) {
    const { id, name, status, breaker, in_flight, max_concurrent } = row
    const { glyph, tone, text } = glyphOf(status, breaker.state)
    const load = max_concurrent === 0 ? String(in_flight) : `${in_flight} of ${max_concurrent}`
    return (
      <li>
        <a
          class={`fleet-cell ${tone}`}
          href={formatAddress('fleet', id)}
          tabIndex={isStop ? 0 : -1}
          title={`${name}: ${text}, ${load} in flight`}
        >
          <span class="glyph" aria-hidden="true">
            {glyph}
          </span>
          <span class="clip">{name}</span>
          <span class="unseen">
            {text}, {load} in flight
          </span>
          {in_flight > 0 && (
            <span class="cell-load" aria-hidden="true">
              {in_flight}
            </span>
          )}
        </a>
      </li>
    )
  }
}

const steps: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }

function moveFocus(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const links = [...event.currentTarget.querySelectorAll('a')]
  const at = links.findIndex((link) => link.matches(':focus'))
  const step = steps[event.key]
  const to =
    event.key === 'Home' ? 0 : event.key === 'End' ? links.length - 1 : step === undefined ? -1 : at + step
  const next = links[to]
  if (at < 0 || next === undefined) return
  event.preventDefault()
  next.focus()
}
