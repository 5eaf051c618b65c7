/** Tests are compiled into dist/test/, so files are found from the root of the repository. */
export const repositoryRoot = new URL('../../', import.meta.url)
