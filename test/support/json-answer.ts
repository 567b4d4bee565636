/** The body of an answer, as the caller's type says; the assertions of the test check what it has. */
export async function jsonOf<Body>(response: Response): Promise<Body> {
  const body: Body = JSON.parse(await response.text())
  return body
}
