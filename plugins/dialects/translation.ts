/**
 * Translates requests for endpoints that do not have the client's API. Decorates `translation`; depends on the model
 * catalogue, and on what the gateway knows about the paths of endpoints. Uses if present: `responseRequests`,
 * `upstreamStreams`. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { dialects, formats } from '../../src/dialects/all.ts'
import { createIds } from '../../src/dialects/hub/parts/ids.ts'
import { OpenThoughts } from '../../src/dialects/hub/parts/open-thoughts.ts'
import {
  ConversationVariants,
  type TranslationParts,
} from '../../src/dialects/translate/conversation-variants.ts'
import {
  type TranslatedCall,
  type TranslateFor,
  type Translations,
  translationText,
} from '../../src/dialects/translate/request-translation.ts'
import { shortenedVariants } from '../../src/dialects/translate/shortened-variants.ts'
import { type EndpointApis, pathAt, TranslationPlan } from '../../src/dialects/translate/translation-plan.ts'
import { wholeOperations } from '../../src/dialects/translate/whole-operations.ts'
import { WholeVariants } from '../../src/dialects/translate/whole-variants.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `proxy.translation` and whether answers get the client's name for the model. */
export interface TranslationOptions extends Sections<'proxy' | 'model_registry'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    translation: Translations
  }
}

export default fp<TranslationOptions>(
  async function translation(app, options) {
    const { proxy, modelRegistry } = readSections(options, ['proxy', 'model_registry'], ['clock'])
    const clock = options.clock ?? systemClock
    const apis: EndpointApis = {
      serves: (endpoint, path, model) => app.pathKnowledge.serves(endpoint, path, model),
      serverVersion: (slot) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.serverVersion,
      version: () => app.pathKnowledge.version + app.modelCatalog.snapshot.version,
    }
    const plan = new TranslationPlan(formats, apis, wholeOperations(dialects))
    const parts: TranslationParts = {
      plan,
      dropsUnsupported: proxy.translation.unsupported === 'drop',
      renameAnswers: modelRegistry.rewriteResponseModel,
      newId: createIds(),
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      reasoningFields: new Map(),
      openThoughts: new OpenThoughts(),
      learnMissing: ({ endpoint, nativeModel }, path) =>
        app.pathKnowledge.learn(endpoint, path, false, '', nativeModel),
      streams: app.hasDecorator('upstreamStreams') ? app.upstreamStreams : undefined,
      stores: app.hasDecorator('responseRequests') ? app.responseRequests : undefined,
    }
    const variants = (call: TranslatedCall): TranslateFor => {
      const { format } = call
      const forms =
        'family' in format
          ? new WholeVariants(call, format, parts)
          : new ConversationVariants({ ...call, format }, parts)
      return (target) => forms.of(target)
    }
    app.decorate('translation', {
      formatOf: (path) => plan.formatOf(path),
      speaks(path, candidate) {
        const format = plan.formatOf(path)?.format
        if (format === undefined || 'family' in format) return format && plan.speaks(format, candidate)
        return plan.route(format, candidate).speaks
      },
      reaches(endpoint, path) {
        const client = plan.formatOf(path)
        return (
          client !== undefined &&
          plan.target(client.format, { endpoint, nativeModel: undefined }) !== undefined
        )
      },
      sentPath({ format }, candidate) {
        const to = plan.speaks(format, candidate) === true ? format : plan.target(format, candidate)
        return to === undefined || 'family' in to ? to?.path : pathAt(candidate.endpoint.profile, to)
      },
      applied({ format }, candidate) {
        if (plan.speaks(format, candidate) === true) return undefined
        const to = plan.target(format, candidate)
        return to === undefined ? undefined : translationText({ from: format.name, to: to.name })
      },
      variants(call) {
        const { shortening } = call
        return shortening === undefined ? variants(call) : shortenedVariants(call, shortening, variants)
      },
    })
  },
  {
    name: 'gateway-translation',
    fastify: '5.x',
    dependencies: ['gateway-model-discovery', 'gateway-model-routing'],
  },
)
