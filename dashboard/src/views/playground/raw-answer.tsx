import { formatCount, formatMs } from '../../format/format.ts'
import type { ChatRun, RawPart } from '../../state/chat-run.ts'

/** The headers and the events of an answer as they arrived, with the time since the request was sent. */
export function RawAnswer({ run: { served, status, raw, rawCount } }: { run: ChatRun }) {
  if (served === undefined) return null
  return (
    <div class="raw">
      <details>
        <summary>
          Status {status}, {served.headers.length} headers
        </summary>
        <dl class="raw-headers">
          {served.headers.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="break">{value}</dd>
            </div>
          ))}
        </dl>
      </details>
      <p class="muted small">
        {formatCount(rawCount)} {rawCount === 1 ? 'part' : 'parts'}
        {rawCount > raw.length && `, the last ${formatCount(raw.length)} shown`}
      </p>
      {/* Focusable, so that the keyboard can scroll it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region needs to be reachable */}
      <section class="raw-parts" aria-label="Raw events" tabIndex={0}>
        <ol>
          {raw.map((part) => (
            <Part key={part.number} part={part} />
          ))}
        </ol>
      </section>
    </div>
  )
}

const Part = ({ part: { atMs, name, text } }: { part: RawPart }) => (
  <li>
    <span class="muted">{formatMs(atMs)}</span> {name !== '' && <b>{name}</b>}{' '}
    <code class="break">{text}</code>
  </li>
)
