/**
 * Puts Anthropic Messages requests into the form that each endpoint understands, and counts how they went.
 * Decorates `messageTranslator`; depends on the shared cells, the model catalogue and the line
 * to the other threads. On close what the inspector
 * has recorded is written.
 */
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { TokenCounter } from '../../src/dialects/tokens/token-counter.ts'
import {
  type MessagesCall,
  MessageVariants,
  speaksMessages,
} from '../../src/dialects/translate/messages-to-chat/message-variants.ts'
import { createIds } from '../../src/dialects/translate/messages-to-chat/shared/ids.ts'
import { OpenThoughts } from '../../src/dialects/translate/messages-to-chat/shared/open-thoughts.ts'
import type { ReasoningField } from '../../src/dialects/translate/messages-to-chat/shared/reasoning-signature.ts'
import {
  estimateTokens,
  isInstalled,
  loadTokenizer,
  type TokenizerName,
} from '../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { createUpstreamFetch } from '../../src/endpoints/connections/fetch.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { SessionRecorder, sessionName } from '../../src/observe/inspector/session-recorder.ts'
import { TranslatorStats } from '../../src/observe/stats/translator-stats.ts'

export interface MessageTranslatorOptions {
  /** Endpoints that speak the API get requests as they came. Default true. */
  readonly passthrough?: boolean
  /** Answers carry the client's name for the model. Default true. */
  readonly renameAnswers?: boolean
  /** Whether `max_tokens` is lowered to what the model's context leaves. Default false. */
  readonly fitsMaxTokens?: boolean
  /** Counts tokens where no endpoint can. Default `rules`. */
  readonly tokenizer?: TokenizerName
  /** Version of the gateway, for `User-Agent`. */
  readonly version: string
  /** Where requests and answers are written down, for development; undefined writes nothing. */
  readonly inspector?:
    | {
        readonly folder: string
        /** Lower case: names the session of a request. */
        readonly sessionHeader: string
        readonly maxFileBytes: number
        readonly maxDays: number
      }
    | undefined
  readonly clock?: Clock
}

export interface MessageTranslator {
  readonly passthrough: boolean
  readonly stats: TranslatorStats
  readonly tokens: TokenCounter
  /** @param session as the client names it, for the inspector */
  variants(call: MessagesCall, session: string | undefined): MessageVariants
  /** Endpoints that answer Messages requests by themselves; undefined where all requests are translated. */
  readonly prefers: ((endpoint: Endpoint) => boolean) | undefined
  /** Header that names a session; undefined where nothing is recorded. */
  readonly sessionHeader: string | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    messageTranslator: MessageTranslator
  }
}

export default fp<MessageTranslatorOptions>(
  function messageTranslator(app, options, done) {
    const passthrough = options.passthrough ?? true
    const { inspector, tokenizer = 'rules' } = options
    const newId = createIds()
    const reasoningFields = new Map<number, ReasoningField>()
    const openThoughts = new OpenThoughts()
    const serverVersion = (slot: number) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.serverVersion
    const recorder = inspector === undefined ? undefined : startRecorder(inspector)

    if (app.gatewayPeers.thread === 0 && !isInstalled(tokenizer)) {
      app.log.warn(
        `translators.anthropic.tokenizer: the package ${tokenizer} is not installed (npm install ${tokenizer}); tokens are estimated by rules.`,
      )
    }
    app.decorate('messageTranslator', {
      passthrough,
      stats: new TranslatorStats(app.gatewayCells.translators),
      tokens: new TokenCounter({
        fetch: createUpstreamFetch(app.upstreamPools, app),
        serverVersion,
        estimate: (chat) => estimateTokens(chat, () => loadTokenizer(tokenizer), setImmediate),
        userAgent: `olla-gateway/${options.version}`,
      }),
      prefers: passthrough ? ({ profile, slot }) => speaksMessages(profile, serverVersion(slot)) : undefined,
      sessionHeader: inspector?.sessionHeader,
      variants(call, session) {
        const tap = recorder === undefined ? undefined : record(recorder, call, session)
        return new MessageVariants(call, {
          passthrough,
          renameAnswers: options.renameAnswers ?? true,
          serverVersion,
          newId,
          tap,
          reasoningFields,
          openThoughts,
          fitsMaxTokens: options.fitsMaxTokens ?? false,
        })
      },
    })
    done()

    function startRecorder({
      folder,
      maxFileBytes,
      maxDays,
    }: NonNullable<typeof inspector>): SessionRecorder {
      app.log.warn(
        { folder },
        'The inspector writes prompts and answers of Anthropic clients to files. It is for development only.',
      )
      const created = new SessionRecorder(
        options.clock ?? systemClock,
        { folder, maxFileBytes, maxDays },
        {
          failed: (err) => app.log.warn({ err }, 'The inspector cannot write.'),
          recovered: (entries) =>
            app.log.warn({ entries }, 'The inspector writes again; entries were dropped.'),
        },
      )
      app.addHook('onClose', () => created.flush())
      return created
    }
  },
  {
    name: 'gateway-message-translator',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-state', 'gateway-upstream-pools', 'gateway-model-discovery'],
  },
)

/** Writes the request down at once and gives what takes its answer, piece by piece. */
function record(recorder: SessionRecorder, call: MessagesCall, session: string | undefined) {
  const name = sessionName(session)
  recorder.record(name, { type: 'request', model: call.model, body: call.body })
  return (answer: Buffer) => recorder.record(name, { type: 'response', model: call.model, body: answer })
}
