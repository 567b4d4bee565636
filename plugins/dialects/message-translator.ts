/**
 * Converts Anthropic Messages requests to the form that each endpoint accepts. Decorates `messageTranslator`; depends
 * on the model catalogue, the upstream pools and the link to the other threads. Uses if present: `inspector`,
 * `translation`, `upstreamStreams`. Needs no cleanup on close.
 */
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { createIds } from '../../src/dialects/hub/parts/ids.ts'
import { OpenThoughts } from '../../src/dialects/hub/parts/open-thoughts.ts'
import type { ReasoningField } from '../../src/dialects/hub/parts/reasoning-signature.ts'
import {
  type MessagesCall,
  MessageVariants,
} from '../../src/dialects/translate/messages-to-chat/message-variants.ts'
import { TokenCounter } from '../../src/dialects/translate/messages-to-chat/token-counter.ts'
import {
  estimateTokens,
  isInstalled,
  loadTokenizer,
} from '../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import type { TranslateFor, Translations } from '../../src/dialects/translate/request-translation.ts'
import { speaksMessages } from '../../src/dialects/translate/speaks-messages.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'

const messagesPath = '/v1/messages'
const chatPath = '/v1/chat/completions'

export interface MessageTranslatorOptions extends Sections<'translators' | 'model_registry'> {
  /** For `User-Agent`. Defaults to the package's version. */
  readonly version?: string
}

export interface MessageTranslator {
  readonly passthrough: boolean
  readonly tokens: TokenCounter
  /** @param session as the client names it, for the inspector */
  variants(call: MessagesCall, session: string | undefined): MessageVariants
  /** Endpoints that support Messages requests natively; undefined if all requests are translated. */
  readonly prefers: ((endpoint: Endpoint) => boolean) | undefined
  /** Header that names a session; undefined if nothing is recorded. */
  readonly sessionHeader: string | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    messageTranslator: MessageTranslator
  }
}

export default fp<MessageTranslatorOptions>(
  async function messageTranslator(app, options) {
    const { translators, modelRegistry } = readSections(
      options,
      ['translators', 'model_registry'],
      ['version'],
    )
    const { passthroughEnabled: passthrough, fitMaxTokens, tokenizer } = translators.anthropic
    const inspector = app.hasDecorator('inspector') ? app.inspector : undefined
    const translation = app.hasDecorator('translation') ? app.translation : undefined
    const streams = app.hasDecorator('upstreamStreams') ? app.upstreamStreams : undefined
    const newId = createIds()
    const reasoningFields = new Map<number, ReasoningField>()
    const openThoughts = new OpenThoughts()
    const serverVersion = (slot: number) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.serverVersion

    if (app.gatewayPeers.thread === 0 && !isInstalled(tokenizer)) {
      app.log.warn(
        `translators.anthropic.tokenizer: the package ${tokenizer} is not installed (npm install ${tokenizer}); tokens are estimated by rules.`,
      )
    }
    app.decorate('messageTranslator', {
      passthrough,
      tokens: new TokenCounter({
        fetch: app.upstreamFetch,
        serverVersion,
        estimate: (chat) => estimateTokens(chat, () => loadTokenizer(tokenizer), setImmediate),
        userAgent: `olla-gateway/${options.version ?? packageVersion}`,
      }),
      prefers: passthrough ? ({ profile, slot }) => speaksMessages(profile, serverVersion(slot)) : undefined,
      sessionHeader: inspector?.sessionHeader,
      variants(call, session) {
        const tap = inspector?.record(call, session)
        return new MessageVariants(call, {
          passthrough,
          renameAnswers: modelRegistry.rewriteResponseModel,
          serverVersion,
          newId,
          tap,
          streams,
          translate: translation === undefined ? undefined : withoutChat(translation, call),
          reasoningFields,
          openThoughts,
          fitsMaxTokens: fitMaxTokens,
        })
      },
    })
  },
  {
    name: 'gateway-message-translator',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-upstream-pools', 'gateway-model-discovery'],
  },
)

/** The request for endpoints without chats; undefined for those with chats. */
function withoutChat(
  translation: Translations,
  { body, modelSpan, model, query, requestId, startedMs = 0, onTranslated, onStreamed }: MessagesCall,
): TranslateFor {
  const client = translation.formatOf(messagesPath)
  if (client === undefined) return () => undefined
  let translate: TranslateFor | undefined
  return (target) => {
    if (translation.speaks(chatPath, target) === true) return undefined
    translate ??= translation.variants({
      format: client.format,
      path: messagesPath,
      query,
      body,
      modelSpan,
      model,
      requestId,
      startedMs,
      onTranslated: (applied) => onTranslated?.(applied),
      onStreamed: (isStreamed) => onStreamed?.(isStreamed),
    })
    return translate(target)
  }
}
