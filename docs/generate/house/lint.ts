import { rooms } from './rooms.ts'

interface Pattern {
  readonly group: readonly string[]
  readonly message: string
}

const composition: Pattern = {
  group: ['**/gateway.ts', '**/base.ts', '**/app/**', '**/../public/**'],
  message: 'The composition root and the process import the house, never the other way round.',
}

/** The walls of the house as settings of the linter, one block for each room; `biome.json` extends them. */
export function lintWalls(): string {
  const names = rooms.map(({ name }) => name)
  const overrides = [
    ...names.map((name, level) => {
      const higher = names.slice(level + 1)
      return restrict(`src/${name}/**`, [
        {
          group: ['fastify', 'fastify-plugin', '@fastify/**'],
          message: 'src/ is pure logic: the Fastify part belongs into plugins/ or routes/.',
        },
        {
          group: ['**/plugins/**', '**/routes/**', ...composition.group],
          message: 'src/ must not know the adapters above it.',
        },
        ...(higher.length === 0
          ? []
          : [
              {
                group: higher.map((room) => `**/../${room}/**`),
                message: `src/${name} imports only the rooms below it: ${names.slice(0, level).join(', ') || 'none'}.`,
              },
            ]),
      ])
    }),
    restrict('plugins/**', [
      {
        group: ['./**', '../**', '!../../**', '**/plugins/**'],
        message: 'A plugin never imports another plugin: declare the dependency and use its decorator.',
      },
      {
        group: ['**/routes/**', ...composition.group],
        message: 'A plugin adapts one room of src/; the composition root composes.',
      },
    ]),
    restrict('routes/**', [
      {
        group: ['**/plugins/**', ...composition.group],
        message: 'Routes use decorators and src/; the composition root registers them.',
      },
    ]),
  ]
  const config = { $schema: './node_modules/@biomejs/biome/configuration_schema.json', overrides }
  return `${JSON.stringify(config, null, 2)}\n`
}

function restrict(includes: string, patterns: readonly Pattern[]) {
  return {
    includes: [includes],
    linter: {
      rules: { style: { noRestrictedImports: { level: 'error', options: { patterns } } } },
    },
  }
}
