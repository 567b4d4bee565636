import type { LimitState } from '../../api/types.ts'
import { formatCount } from '../../format/format.ts'
import { limitUseText } from '../../state/limit-use.ts'
import { TableFrame } from '../table-frame.tsx'
import { LimitBar } from './limit-bar.tsx'

/** Each limit of a subject: what is used, when it resets, and how many requests it has refused. */
export function LimitTable({ limits }: { limits: readonly LimitState[] }) {
  return (
    <TableFrame label="Use of limits">
      <table class="table">
        <caption class="unseen">Use of limits</caption>
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col" class="number">
              Used
            </th>
            <th scope="col">Resets</th>
            <th scope="col" class="number">
              Refused, 24 h
            </th>
          </tr>
        </thead>
        <tbody>
          {limits.map((limit) => (
            <tr key={`${limit.field} ${limit.counted} ${limit.window}`}>
              <th scope="row" class="break">
                {limitUseText(limit)}
              </th>
              <td class="number">
                <LimitBar use={limit} />
              </td>
              <td>{limit.resets_at === null ? '' : new Date(limit.resets_at).toLocaleString()}</td>
              <td class="number">
                <span class={limit.refused_day > 0 ? 'warn' : undefined}>
                  {formatCount(limit.refused_day)}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  )
}
