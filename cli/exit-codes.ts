/** What the process ends with; the usage and configuration codes are those of sysexits.h. */
export const exitCodes = { failed: 1, usage: 64, config: 78 } as const

export const exitCodesText = `Exit codes:
  0    done; for a daemon: stopped by SIGINT or SIGTERM
  ${exitCodes.failed}    it could not be done; the message says why
  ${exitCodes.usage}   the command line is wrong
  ${exitCodes.config}   the configuration is wrong: trying again will not mend it
  130  ended at once by a second signal`
