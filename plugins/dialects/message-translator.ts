/**
 * Converts Anthropic Messages requests to the form that each endpoint accepts. Decorates `messageTranslator`; depends
 * on the model catalogue. Uses if present: `inspector`, `translation`, `upstreamStreams`. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { createIds } from '../../src/dialects/hub/parts/ids.ts'
import { OpenThoughts } from '../../src/dialects/hub/parts/open-thoughts.ts'
import type { ReasoningField } from '../../src/dialects/hub/parts/reasoning-signature.ts'
import {
  type MessagesCall,
  MessageVariants,
  type VariantOptions,
} from '../../src/dialects/translate/messages-to-chat/message-variants.ts'
import type { NativeCount } from '../../src/dialects/translate/messages-to-chat/token-counter.ts'
import type { Translations } from '../../src/dialects/translate/request-translation.ts'
import { speaksMessages } from '../../src/dialects/translate/speaks-messages.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'

const messagesPath = '/v1/messages'
const chatPath = '/v1/chat/completions'

export type MessageTranslatorOptions = Sections<'translators' | 'model_registry'>

export interface MessageTranslator {
  readonly passthrough: boolean
  /** @param session as the client names it, for the inspector */
  variants(call: MessagesCall, session: string | undefined): MessageVariants
  /** Endpoints that support Messages requests natively; undefined if all requests are translated. */
  readonly prefers: ((endpoint: Endpoint) => boolean) | undefined
  /** Where an endpoint counts the tokens of a Messages request; undefined if it cannot. */
  readonly countPathAt: NativeCount['pathAt']
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
    const { translators, modelRegistry } = readSections(options, ['translators', 'model_registry'])
    const { passthroughEnabled: passthrough, fitMaxTokens } = translators.anthropic
    const inspector = app.hasDecorator('inspector') ? app.inspector : undefined
    const translation = app.hasDecorator('translation') ? app.translation : undefined
    const streams = app.hasDecorator('upstreamStreams') ? app.upstreamStreams : undefined
    const newId = createIds()
    const reasoningFields = new Map<number, ReasoningField>()
    const openThoughts = new OpenThoughts()
    const serverVersion = (slot: number) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.serverVersion

    const shared: VariantOptions = {
      passthrough,
      renameAnswers: modelRegistry.rewriteResponseModel,
      serverVersion,
      newId,
      streams,
      translate: translation === undefined ? undefined : withoutChat(translation),
      reasoningFields,
      openThoughts,
      fitsMaxTokens: fitMaxTokens,
    }
    app.decorate('messageTranslator', {
      passthrough,
      prefers: passthrough ? ({ profile, slot }) => speaksMessages(profile, serverVersion(slot)) : undefined,
      countPathAt({ endpoint: { profile, slot } }) {
        const counts = profile?.anthropic.tokenCount === true && speaksMessages(profile, serverVersion(slot))
        return counts ? `${profile.anthropic.messagesPath}/count_tokens` : undefined
      },
      sessionHeader: inspector?.sessionHeader,
      variants: (call, session) => new MessageVariants(call, shared, inspector?.record(call, session)),
    })
  },
  {
    name: 'gateway-message-translator',
    fastify: '5.x',
    dependencies: ['gateway-model-discovery'],
  },
)

/** The request for endpoints without chats; undefined for those with chats. */
function withoutChat(translation: Translations): VariantOptions['translate'] {
  const client = translation.formatOf(messagesPath)
  if (client === undefined) return undefined
  const { format } = client
  return (call, target) => {
    if (translation.speaks(chatPath, target) === true) return undefined
    const { body, modelSpan, model, query, requestId, startedMs = 0, onTranslated, onStreamed } = call
    const translate = translation.variants({
      format,
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
