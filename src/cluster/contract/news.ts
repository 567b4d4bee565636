/** Messages between replicas, as JSON. Each has the ID of its sender, which ignores it. */
export interface NewsKinds {
  /** Places of endpoints are wanted, or free for those who want some. */
  places: { readonly endpoints: readonly (readonly ['wanted' | 'free', string])[] }
  /** A replica has left. */
  left: object
}

export type NewsKind = keyof NewsKinds

export type NewsOf<Kind extends NewsKind> = NewsKinds[Kind] & { readonly kind: Kind; readonly by: string }
