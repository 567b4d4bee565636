import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type DecoratorUse, declaredNames, decoratorUse } from '../../docs/generate/house/decorators.ts'
import { importsOf, sourceFiles } from '../../docs/generate/house/import-graph.ts'

const root = new URL('../../', import.meta.url)
const files = sourceFiles(['plugins', 'routes'])
const texts = new Map(files.map((path) => [path, readFileSync(new URL(path, root), 'utf8')]))
const declared = [...texts.values()].flatMap(declaredNames)
const names = new Set(declared.map(({ name }) => name))
const uses = new Map([...texts].map(([path, text]) => [path, decoratorUse(text, names)]))
const useOf = (path: string): DecoratorUse => uses.get(path) ?? assert.fail(path)

interface Plugin {
  readonly path: string
  readonly name: string
  readonly dependencies: readonly string[]
}

async function readPlugins(): Promise<Plugin[]> {
  const found = await Promise.all(
    files.map(async (path) => {
      const loaded = (await import(new URL(path, root).href)) as { default?: object }
      if (loaded.default === undefined) return []
      const meta = Reflect.get(loaded.default, Symbol.for('plugin-meta')) as Omit<Plugin, 'path'>
      return [{ path, name: meta.name, dependencies: meta.dependencies ?? [] }]
    }),
  )
  return found.flat()
}

const plugins = await readPlugins()

/** A plugin's file and the helpers that it imports, which use its app. */
function partsOf(path: string, seen = new Set<string>()): string[] {
  if (seen.has(path)) return []
  seen.add(path)
  const imported = importsOf(path, texts.get(path) ?? '').filter(({ to, isType }) => !isType && texts.has(to))
  return [path, ...imported.flatMap(({ to }) => partsOf(to, seen))]
}

/** Names that a plugin certainly decorates: for some names, one of two plugins is registered. */
function decoratedBy(name: string): Set<string> {
  const [first, ...others] = plugins.filter((plugin) => plugin.name === name).map(({ path }) => useOf(path))
  const decorated = [...(first?.decorates ?? assert.fail(`no plugin is called ${name}`))]
  return new Set(decorated.filter((each) => others.every(({ decorates }) => decorates.has(each))))
}

/** Names that come with others, so that asking for one of them is enough. */
function companionsOf(names: Iterable<string>): Set<string> {
  const asked = [...names]
  const together = [...uses.values()].filter(({ decorates }) => asked.some((name) => decorates.has(name)))
  return new Set(together.flatMap(({ decorates }) => [...decorates]))
}

describe('plugins and routes', () => {
  it('are found', () => {
    assert.ok(plugins.length > 50 && names.size > 30, `${plugins.length} plugins, ${names.size} decorators`)
  })

  it('declare each decorator that they create, and create each one that the host does not provide', () => {
    const made = new Set([...uses.values()].flatMap(({ decorates }) => [...decorates]))
    assert.deepEqual(
      [...made].filter((name) => !names.has(name)),
      [],
    )
    const missing = declared.filter(({ name, isOptional }) => !isOptional && !made.has(name))
    assert.deepEqual(missing, [])
  })

  it('never pass the whole app to a function in src/, which would hide what it uses', () => {
    const handed = [...texts].flatMap(([path, text]) => {
      const imported = [...text.matchAll(/^import \{([^}]*)\} from '[^']*\/src\//gm)]
      const functions = imported.flatMap(([, list = '']) => list.match(/\w+/g) ?? [])
      return functions
        .filter((each) => new RegExp(`\\b${each}\\((?:[^()]*,\\s*)?(?:app|scope)\\s*[,)]`).test(text))
        .map((each) => `${path}: ${each}`)
    })
    assert.deepEqual(handed, [])
  })

  for (const { path, name, dependencies } of plugins) {
    const parts = partsOf(path).map(useOf)
    const used = new Set(parts.flatMap((part) => [...part.uses]))
    const own = new Set(parts.flatMap(({ decorates }) => [...decorates]))
    const { optional } = useOf(path)

    it(`${name} (${path}) depends on the plugin of each decorator that it uses`, () => {
      const given = new Set(dependencies.flatMap((each) => [...decoratedBy(each)]))
      const undeclared = [...used].filter((each) => !given.has(each) && !own.has(each) && !optional.has(each))
      assert.deepEqual(undeclared, [], 'add a dependency, or list it in the header: "Uses if present: ..."')
    })

    if (optional.size === 0) continue
    it(`${name} (${path}) uses its optional decorators, and checks that they exist`, () => {
      const asked = companionsOf(parts.flatMap(({ checksFor }) => [...checksFor]))
      const typed = declared.filter(({ isOptional }) => isOptional).map((each) => each.name)
      const checked = new Set([...asked, ...typed])
      const unused = [...optional].filter((each) => !used.has(each))
      const unchecked = [...optional].filter((each) => !checked.has(each))
      assert.deepEqual([unused, unchecked], [[], []])
    })
  }
})

describe('decoratorUse', () => {
  const known = new Set(['cells', 'peers', 'gateway'])
  const cases: readonly (readonly [text: string, uses: readonly string[]])[] = [
    ['app.cells.rows', ['cells']],
    ['app\n  .cells', ['cells']],
    ['f(...cells)', []],
    ['this.#app.cells', ['cells']],
    ['request.server?.cells', ['cells']],
    ['scopeOf(app).cells', ['cells']],
    ["app['cells']", ['cells']],
    ['const { cells } = app', ['cells']],
    ['const { log, cells: mine, ...rest } = app', ['cells']],
    ['const { cells: { rows }, peers = none } = app', ['cells', 'peers']],
    ['function answer({ gateway }: FastifyRequest) {}', ['gateway']],
    ['app.addHook("onSend", ({ body, gateway: context }, reply) => {})', ['gateway']],
    ["app.hasDecorator('peers')", ['peers']],
    ["app.get('/x/*', () => app.cells) /** */", ['cells']],
    ['routeOptions.config.cells', []],
    ['// app.cells', []],
    ['/** app.cells */', []],
    ["import { cells } from './cells.ts'", []],
    ['const cells = 1', []],
    ['app.decorate("x", cellsOf(app))', []],
  ]
  for (const [text, expected] of cases) {
    it(`finds ${expected.join(', ') || 'nothing'} in ${JSON.stringify(text)}`, () => {
      assert.deepEqual([...decoratorUse(text, known).uses], expected)
    })
  }

  it('reads decorations, uses and optional uses', () => {
    const text = [
      '/**',
      ' * Does something. Uses if present: `peers`,',
      ' * `gateway`. Closes.',
      ' */',
      "app.decorate('cells', 1)",
      "app.decorateRequest('gateway')",
      "app.decorate<number>('other', 2)",
      "if (app.hasDecorator('peers')) {}",
    ].join('\n')
    const { decorates, checksFor, optional } = decoratorUse(text, known)
    assert.deepEqual([...decorates], ['cells', 'gateway', 'other'])
    assert.deepEqual([...checksFor], ['peers'])
    assert.deepEqual([...optional], ['peers', 'gateway'])
  })
})

describe('declaredNames', () => {
  it('reads the decorators of instances, requests and replies, and which are optional', () => {
    const text = [
      "declare module 'fastify' {",
      '  interface FastifyInstance {',
      '    /** Of all. */',
      '    cells: Cells',
      '    peers?: Peers',
      '    call(one: string): void',
      '  }',
      '  interface FastifyContextConfig {',
      '    level?: string',
      '  }',
      '  interface FastifyRequest {',
      '    gateway: Context',
      '  }',
      '}',
    ].join('\n')
    assert.deepEqual(
      declaredNames(text).map(({ name, isOptional }) => (isOptional ? `${name}?` : name)),
      ['cells', 'peers?', 'call', 'gateway'],
    )
  })
})
