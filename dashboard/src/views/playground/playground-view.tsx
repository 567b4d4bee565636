import { playgroundApi } from '../../api/dialects.ts'
import { models } from '../../live/gateway.ts'
import { clearConversation, playgroundApiId, turns } from '../../live/playground.ts'
import { useResource } from '../../ui/hooks.ts'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { ChatTurn } from './chat-turn.tsx'
import { PromptForm } from './prompt-form.tsx'
import { Settings } from './settings.tsx'

/** A chat through the gateway as a client, with the routing that its headers show. */
export function PlaygroundView() {
  const known = useResource(models).value
  const names = (known?.model_groups ?? []).flatMap(({ models: items }) =>
    items.filter(({ type }) => type !== 'embeddings').map(({ name }) => name),
  )
  return (
    <>
      <Toolbar
        title="Playground"
        note={`Requests to /${playgroundApi(playgroundApiId.value).path}, as any client would send them`}
      >
        {turns.value.length > 0 && (
          <button type="button" class="button quiet" onClick={clearConversation}>
            New conversation
          </button>
        )}
      </Toolbar>
      <div class="playground">
        <Settings names={names} />
        <div class="chat">
          {turns.value.length === 0 ? (
            <Empty title="Ask something">
              The answer shows which endpoint served it, the time to the first token, the tokens per second
              and the events as they arrived.
            </Empty>
          ) : (
            <ol class="turns" aria-label="Conversation">
              {turns.value.map((turn) => (
                <ChatTurn key={turn.id} turn={turn} />
              ))}
            </ol>
          )}
          <PromptForm />
        </div>
      </div>
    </>
  )
}
