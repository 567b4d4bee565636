/**
 * Sets the gateway's own validation and serialization, equal to Fastify's defaults: a host that has set its compilers
 * (for example for Zod) or a reply serializer would break every route that has a schema. Decorates nothing, depends on
 * nothing.
 */
import { Ajv } from 'ajv'
import fastJson from 'fast-json-stringify'
import fp from 'fastify-plugin'

export default fp(
  function ownSchemas(app, _options, done) {
    // Created on first use: few routes validate, and an Ajv instance takes a millisecond and half a megabyte.
    let ajv: Ajv | undefined
    app.setValidatorCompiler<object>(({ schema }) => {
      ajv ??= new Ajv({ coerceTypes: 'array', useDefaults: true, removeAdditional: true })
      return ajv.compile(schema)
    })
    // A status route's serializer is created on its first request: most gateways never serve most of these routes.
    app.setSerializerCompiler<object>(({ schema }) => {
      let serialize: ((value: unknown) => string) | undefined
      return (value) => {
        serialize ??= fastJson(schema)
        return serialize(value)
      }
    })
    // Fastify's own initial value, which its types do not include: no serializer for all replies.
    Reflect.apply(app.setReplySerializer, app, [null])
    done()
  },
  { name: 'gateway-own-schemas', fastify: '5.x' },
)
