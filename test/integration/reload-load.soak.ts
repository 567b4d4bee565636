/** A thousand reloads under load, with each engine. */
process.env.RELOADS ??= '1000'
await import('./reload-load.long.ts')
