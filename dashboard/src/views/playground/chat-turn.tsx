import { absent, formatCount, formatMs, formatRate } from '../../format/format.ts'
import { showsRaw, type Turn } from '../../live/playground.ts'
import { type ChatRun, chatFigures, isRunning } from '../../state/chat-run.ts'
import { routingSentence } from '../../state/routing-text.ts'
import { formatAddress } from '../../state/view-address.ts'
import { RawAnswer } from './raw-answer.tsx'

/** A prompt, its answer, and how the gateway served it. */
export function ChatTurn({ turn: { prompt, run } }: { turn: Turn }) {
  return (
    <li class="turn">
      <p class="prompt-text break">{prompt}</p>
      <div class={showsRaw.value ? 'answer beside' : 'answer'} aria-busy={isRunning(run)}>
        <div class="readable">
          {run.thought !== '' && (
            <details class="thought">
              <summary>Reasoning</summary>
              <p class="break">{run.thought}</p>
            </details>
          )}
          <p class="answer-text break">
            {run.text}
            {isRunning(run) && (
              <span class="cursor" aria-hidden="true">
                ▍
              </span>
            )}
          </p>
          {run.error !== undefined && <p class="bad break">{run.error}</p>}
          {run.phase === 'stopped' && <p class="muted">Stopped.</p>}
          <RunFigures run={run} />
        </div>
        {showsRaw.value && <RawAnswer run={run} />}
      </div>
    </li>
  )
}

function RunFigures({ run }: { run: ChatRun }) {
  const { firstTokenMs, totalMs, tokens, tokensPerSecond } = chatFigures(run, performance.now())
  const { served } = run
  return (
    <dl class="figures">
      <Figure name="Served by" value={served?.endpoint ?? absent} note={served?.backendType} />
      <Figure name="First token" value={formatMs(firstTokenMs)} />
      <Figure name="Tokens per second" value={formatRate(tokensPerSecond)} />
      <Figure
        name="Tokens"
        value={formatCount(tokens)}
        note={run.usage === undefined ? undefined : `${formatCount(run.usage.promptTokens)} in`}
      />
      <Figure name="In all" value={isRunning(run) ? absent : formatMs(totalMs)} />
      {served?.requestId !== undefined && (
        <div class="figure wide">
          <dt>Route</dt>
          <dd>
            {served.reason !== undefined &&
              routingSentence({ decision: served.decision ?? null, reason: served.reason })}
            {served.attempts !== undefined && served.attempts !== '1' && ` ${served.attempts} attempts.`}{' '}
            {!isRunning(run) && <a href={formatAddress('requests', served.requestId)}>Its timeline</a>}
          </dd>
        </div>
      )}
    </dl>
  )
}

const Figure = ({ name, value, note }: { name: string; value: string; note?: string | undefined }) => (
  <div class="figure">
    <dt>{name}</dt>
    <dd>
      {value}
      {note !== undefined && <span class="muted small"> {note}</span>}
    </dd>
  </div>
)
