// Lets examples import `olla-gateway` as a user does, without building it first: `node --import` this file.
import { registerHooks } from 'node:module'

const root = new URL('../../', import.meta.url)

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'olla-gateway') return next(new URL('src/index.ts', root).href, context)
    const plugin = /^olla-gateway\/plugins\/([\w-]+)$/.exec(specifier)?.[1]
    if (plugin !== undefined) return next(new URL(`plugins/${plugin}.ts`, root).href, context)
    return next(specifier, context)
  },
})
