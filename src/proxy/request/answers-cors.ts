/** Plugins that decide which origins are allowed. */
const deciders = ['gateway-cors', 'gateway-browser-check']

/**
 * Whether the gateway itself decides which origins are allowed; if so, it drops the CORS headers of endpoints.
 * @param hasPlugin whether a plugin of that name is registered in the scope that serves requests
 */
export function answersCors(hasPlugin: (name: string) => boolean): boolean {
  return deciders.some(hasPlugin)
}
