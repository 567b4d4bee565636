import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { announce } from '../../live/announcement.ts'
import { playgroundModel, sendPrompt, stopAnswer, turns } from '../../live/playground.ts'
import { isRunning } from '../../state/chat-run.ts'
import { writeTo } from '../../ui/hooks.ts'

export function PromptForm() {
  const prompt = useSignal('')
  const field = useRef<HTMLTextAreaElement>(null)
  const last = turns.value.at(-1)
  const isBusy = last !== undefined && isRunning(last.run)

  async function send(): Promise<void> {
    const text = prompt.value.trim()
    if (text === '' || playgroundModel.value === '' || isBusy) return
    prompt.value = ''
    field.current?.focus()
    await sendPrompt(text)
    const answer = turns.value.at(-1)?.run
    announce(
      answer?.phase === 'failed' ? `The chat failed: ${answer.error}` : `Answer: ${answer?.text ?? ''}`,
    )
  }

  return (
    <form
      class="prompt"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <label class="unseen" for="playground-prompt">
        Message
      </label>
      <textarea
        ref={field}
        id="playground-prompt"
        class="field"
        rows={3}
        placeholder="Message; Ctrl+Enter sends"
        value={prompt.value}
        onInput={writeTo(prompt)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
          event.preventDefault()
          void send()
        }}
      />
      {isBusy ? (
        <button type="button" class="button danger" onClick={stopAnswer}>
          Stop
        </button>
      ) : (
        <button
          type="submit"
          class="button primary"
          disabled={prompt.value.trim() === '' || playgroundModel.value === ''}
        >
          Send
        </button>
      )}
    </form>
  )
}
