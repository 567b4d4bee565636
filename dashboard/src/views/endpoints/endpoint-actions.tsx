import { useSignal } from '@preact/signals'
import { actOnEndpoint, type EndpointAction, endEndpoint } from '../../api/endpoint-api.ts'
import type { EndpointRow } from '../../api/types.ts'
import { announce } from '../../live/announcement.ts'
import { endpoints } from '../../live/gateway.ts'
import { useAction } from '../../ui/action.ts'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Notice } from '../../ui/notice.tsx'

export interface EndpointActionsProps {
  readonly endpoint: EndpointRow
  readonly onEdit: () => void
  /** The endpoint was removed. */
  readonly onRemoved: () => void
}

/** What an operator can do with an endpoint. */
export function EndpointActions({ endpoint, onEdit, onRemoved }: EndpointActionsProps) {
  const { name, status, breaker } = endpoint
  const { isRunning, failure, run } = useAction()
  const done = useSignal('')
  const isOut = status === 'draining' || status === 'drained'
  const act = (action: EndpointAction, text: string) => {
    done.value = ''
    void run(async () => {
      await actOnEndpoint(name, action)
      done.value = text
      announce(`${name}: ${text}`)
      endpoints.reload()
    })
  }
  const button = (action: EndpointAction, label: string, text: string) => (
    <button type="button" class="button" disabled={isRunning.value} onClick={() => act(action, text)}>
      {label}
    </button>
  )
  return (
    <>
      <div class="buttons">
        {isOut
          ? button('undrain', 'Return to service', 'returned to service')
          : button('drain', 'Drain', 'gets no new requests')}
        {button('probe', 'Probe now', 'was probed')}
        {button('refresh', 'Read models', 'its models were read')}
        {breaker.state !== 'closed' && button('reset-circuit', 'Close circuit', 'its circuit is closed')}
        <button type="button" class="button" onClick={onEdit}>
          Edit
        </button>
        <ConfirmButton
          label="Remove"
          question="Really remove?"
          of={name}
          isDisabled={isRunning.value}
          onConfirm={() =>
            void run(async () => {
              await endEndpoint(name, 'remove')
              announce(`${name} was removed`)
              endpoints.reload()
              onRemoved()
            })
          }
        />
      </div>
      {failure.value !== '' && (
        <div role="alert">
          <Notice tone="bad" title={failure.value} />
        </div>
      )}
      {done.value !== '' && failure.value === '' && <p class="muted">{done.value}</p>}
    </>
  )
}
