import { GatewayError } from '../../kernel/errors.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { type Feature, refusedFeatures } from '../hub/contract/features.ts'
import { parseRequest } from '../hub/parts/request-body.ts'
import type { RequestVariant } from '../variants/request-variant.ts'
import type { TranslationParts } from './conversation-variants.ts'
import { ownRequest } from './own-request.ts'
import type { TranslatedCall } from './request-translation.ts'
import { operationPathAt } from './translation-plan.ts'
import type { ReadExchange, WholeOperation } from './whole-operations.ts'

const nsPerMs = 1_000_000

/** One client's request for embeddings or a ranking, in the form that each endpoint accepts; see `ConversationVariants`. */
export class WholeVariants {
  readonly #call: TranslatedCall
  readonly #operation: WholeOperation
  readonly #parts: TranslationParts

  constructor(call: TranslatedCall, operation: WholeOperation, parts: TranslationParts) {
    this.#call = call
    this.#operation = operation
    this.#parts = parts
  }

  /**
   * @returns undefined if the endpoint is known to have nothing better than the client's own request
   * @throws GatewayError invalid_request if the request cannot be translated for this endpoint
   */
  of(target: RoutedEndpoint): RequestVariant | undefined {
    const { plan, learnMissing } = this.#parts
    const speaks = plan.speaks(this.#operation, target)
    const operations = plan.operations(this.#operation, target)
    if (operations.length === 0) return undefined
    const translated = () => this.#translated(target, operations)
    if (speaks !== true) return translated()
    return ownRequest(this.#call, target, () => learnMissing(target, this.#call.path), translated)
  }

  #translated(target: RoutedEndpoint, operations: readonly WholeOperation[]): RequestVariant {
    const { model, body, startedMs } = this.#call
    const { renameAnswers, newId, nowMs, monotonicMs } = this.#parts
    const read = this.#operation.read(parseRequest(body))
    const { to, dropped } = this.#choose(read, operations)
    this.#call.onTranslated({ from: read.name, to: to.name, dropped })
    return read.to(to, {
      path: operationPathAt(target.endpoint.profile, to),
      sentModel: target.nativeModel ?? model,
      model,
      keepsModel: !renameAnswers,
      newId,
      nowMs,
      elapsedNs: () => Math.max(1, Math.round((monotonicMs() - startedMs) * nsPerMs)),
    })
  }

  /** The first operation that can express the whole request. */
  #choose(
    { uses }: ReadExchange,
    operations: readonly WholeOperation[],
  ): { readonly to: WholeOperation; readonly dropped: readonly Feature[] } {
    const choices = operations.map((to) => ({ to, dropped: refusedFeatures(uses, to.fates) }))
    const [best] = choices.toSorted((one, other) => one.dropped.length - other.dropped.length)
    if (best === undefined) throw new GatewayError('path_not_served')
    if (best.dropped.length === 0 || this.#parts.dropsUnsupported) return best
    throw new GatewayError(
      'invalid_request',
      `The endpoints with this model have no API that supports: ${best.dropped.join(', ')}`,
    )
  }
}
