import { formatCount } from '../format/format.ts'
import { status } from '../live/gateway.ts'
import { ledgerText } from '../state/caller-texts.ts'
import { Ago } from '../ui/age.tsx'
import { Notice } from '../ui/notice.tsx'

/** What of API keys does not work: their store, the counting of use, webhooks. */
export function CallersNotice() {
  const callers = status.state.value.value?.callers
  if (callers === undefined) return null
  const { store, ledger, webhooks = [] } = callers
  const failing = webhooks.some(({ error }) => error !== null)
  if (store?.available !== false && ledger?.writable !== false && !failing) return null
  return (
    <section aria-label="Problems of API keys">
      {store?.available === false && (
        <Notice tone="bad" title="The store of API keys cannot be read">
          Known keys work; new ones are refused.
        </Notice>
      )}
      {ledger?.writable === false && (
        <Notice tone="bad" title="What callers use is not written">
          {ledgerText(ledger.error)}
          {ledger.failing_since !== null && (
            <>
              , since <Ago at={ledger.failing_since} />
            </>
          )}
          : {formatCount(ledger.pending_rows)} rows wait in memory.
        </Notice>
      )}
      {webhooks.map(({ origin, error, pending, dropped, failing_since: since }, index) =>
        error === null ? null : (
          // Their place in the configuration is what tells them apart.
          <Notice
            key={`${index} ${origin}`}
            tone="warn"
            title={`The webhook ${origin} does not accept messages`}
          >
            {error}
            {since !== null && (
              <>
                , since <Ago at={since} />
              </>
            )}
            {`: ${formatCount(pending)} ${pending === 1 ? 'message waits' : 'messages wait'}`}
            {dropped > 0 && `, ${formatCount(dropped)} are lost`}.
          </Notice>
        ),
      )}
    </section>
  )
}
