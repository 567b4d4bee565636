/** Name of one of the many models, as `native/upstream.c` lists it. */
export function scaleModel(index: number): string {
  return `org-${index % 50}/model-${index}-7b`
}
