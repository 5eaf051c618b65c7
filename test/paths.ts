/** The repository, seen from dist/test/. */
export const repositoryRoot = new URL('../../', import.meta.url)
