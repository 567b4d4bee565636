/**
 * Counts the tokens of requests for clients that ask before they send one. Decorates `tokenCounter`; depends on the
 * upstream pools and the link to the other threads. Needs no cleanup on close.
 */
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { TokenCounter } from '../../src/dialects/translate/messages-to-chat/token-counter.ts'
import {
  estimateTokens,
  isInstalled,
  loadTokenizer,
} from '../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'

/** Reads `translators.anthropic.tokenizer`. */
export interface TokenCounterOptions extends Sections<'translators'> {
  /** For `User-Agent`. Defaults to the package's version. */
  readonly version?: string
}

declare module 'fastify' {
  interface FastifyInstance {
    tokenCounter: TokenCounter
  }
}

export default fp<TokenCounterOptions>(
  async function tokenCounter(app, options) {
    const { tokenizer } = readSections(options, ['translators'], ['version']).translators.anthropic
    if (app.gatewayPeers.thread === 0 && !isInstalled(tokenizer)) {
      app.log.warn(
        `translators.anthropic.tokenizer: the package ${tokenizer} is not installed (npm install ${tokenizer}); tokens are estimated by rules.`,
      )
    }
    app.decorate(
      'tokenCounter',
      new TokenCounter({
        fetch: app.upstreamFetch,
        estimate: (chat) => estimateTokens(chat, () => loadTokenizer(tokenizer), setImmediate),
        userAgent: `olla-gateway/${options.version ?? packageVersion}`,
      }),
    )
  },
  {
    name: 'gateway-token-counter',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-upstream-pools'],
  },
)
