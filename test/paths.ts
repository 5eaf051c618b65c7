/** Tests run from `dist/test`, so files of the repository are found from here, never from the test's own place. */
export const repositoryRoot = new URL('../../', import.meta.url)
