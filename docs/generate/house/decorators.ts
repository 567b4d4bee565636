/** What the text of a plugin or route file, or of a helper of one, says of Fastify's decorators. */
export interface DecoratorUse {
  /** Names that it decorates the app, requests or replies with. */
  readonly decorates: ReadonlySet<string>
  /** Names of decorators that it reads or checks for. */
  readonly uses: ReadonlySet<string>
  /** Names that it checks with `hasDecorator`. */
  readonly checksFor: ReadonlySet<string>
  /** Names that its header lists: `Uses if present: ...`. */
  readonly optional: ReadonlySet<string>
}

/** A name that a file adds to Fastify's instances, requests or replies by `declare module 'fastify'`. */
export interface DeclaredName {
  readonly name: string
  /** Declared with a question mark: the compiler makes each reader handle its absence. */
  readonly isOptional: boolean
}

const declaration = /^declare module 'fastify' \{$([\s\S]*?)^\}$/m

export function declaredNames(text: string): DeclaredName[] {
  const block = withoutComments(declaration.exec(text)?.[1] ?? '')
  const faces = block.matchAll(
    /^ {2}interface Fastify(?:Instance|Request|Reply)\b[^{]*\{$([\s\S]*?)^ {2}\}$/gm,
  )
  return [...faces].flatMap(([, face = '']) =>
    [...face.matchAll(/^ {4}(\w+)(\?)?[:(<]/gm)].map(([, name = '', mark]) => ({
      name,
      isOptional: mark !== undefined,
    })),
  )
}

/**
 * Finds decorators by name in every member access and destructuring, whatever the object is called: a false find is
 * rare, since decorators have names of their own, and a missed one would hide a dependency.
 * @param names of all decorators
 */
export function decoratorUse(text: string, names: ReadonlySet<string>): DecoratorUse {
  const code = withoutComments(text)
    .replace(declaration, '')
    .replaceAll(/^(?:import|export) [^;]*? from '[^']*'$/gm, '')
  const checksFor = all(code, /\bhas(?:Request|Reply)?Decorator\(\s*'(\w+)'/g)
  const found = [
    ...checksFor,
    // Not what a route's own configuration says.
    ...all(code, /(?<=[\w)\]]\s*)(?<!\bconfig)\??\.(\w+)\b/g),
    ...all(code, /(?<=[\w)\]])\[\s*'(\w+)'\s*\]/g),
    ...all(code, /[{,]\s*(\w+)\s*(?=[,:}=])/g),
  ]
  const header = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ''
  const listed = /Uses if present: ([^.]*)\./.exec(header.replaceAll(/\s*\n \* /g, ' '))?.[1] ?? ''
  return {
    decorates: all(code, /\bdecorate(?:Request|Reply)?(?:<[^>]*>)?\(\s*'(\w+)'/g),
    checksFor,
    uses: new Set(found.filter((name) => names.has(name))),
    optional: all(listed, /`(\w+)`/g),
  }
}

function all(text: string, pattern: RegExp): Set<string> {
  return new Set([...text.matchAll(pattern)].map(([, name = '']) => name))
}

/** Comments that fill lines; the text of a route has `/*` as well. */
function withoutComments(text: string): string {
  return text.replaceAll(/^\s*\/\*[\s\S]*?\*\/$|^\s*\/\/.*$/gm, '')
}
