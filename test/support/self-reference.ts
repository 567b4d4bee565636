// Lets examples import `olla-gateway` as a user does, without building it first: `node --import` this file.
import { registerHooks } from 'node:module'

const root = new URL('../../', import.meta.url)

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'olla-gateway') return next(new URL('src/index.ts', root).href, context)
    if (specifier === 'olla-gateway/http-server')
      return next(new URL('src/http-server.ts', root).href, context)
    const plugin = /^olla-gateway\/plugins\/([\w-]+)$/.exec(specifier)?.[1]
    if (plugin !== undefined) return next(new URL(`src/public/${plugin}.ts`, root).href, context)
    // A script that a test has written elsewhere finds the packages of this project.
    const isElsewhere =
      context.parentURL?.startsWith('file:') === true && !context.parentURL.startsWith(root.href)
    if (isElsewhere && /^[@a-z]/.test(specifier) && !specifier.includes(':'))
      return next(specifier, { ...context, parentURL: new URL('package.json', root).href })
    return next(specifier, context)
  },
})
