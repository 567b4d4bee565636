/** Plugins that decide which origins may ask. */
const deciders = ['gateway-cors', 'gateway-browser-check']

/**
 * Whether the gateway itself decides which origins may ask: then it drops the CORS headers of endpoints.
 * @param hasPlugin whether a plugin of that name is registered where requests are served
 */
export function answersCors(hasPlugin: (name: string) => boolean): boolean {
  return deciders.some(hasPlugin)
}
